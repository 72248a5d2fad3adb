/* The page: takes a picture from a file, the clipboard or the camera, and shows what the network says of it. */
"use strict";

(() => {
  const at = (id) => document.getElementById(id);
  const setup = JSON.parse(at("setup").textContent);
  const stage = at("stage"), picture = at("picture"), live = at("live"), where = at("where"), heat = at("heat");
  const TOP = Math.min(3, setup.classes.length);
  let ticket = 0; // of the newest question: answers to older ones are not shown
  let stream = null, address = null, said = -1, drawn = -1;

  const crew = new globalThis.ConvsmithCrew(
    [...document.querySelectorAll("script.shared")].map((script) => script.textContent));
  const ready = crew.open(setup, at("weights").textContent);

  // What is shown.

  function line(text) {
    at("line").textContent = text;
    at("line").hidden = !text;
  }

  function percent(share) {
    if (share >= 0.9995) return "over 99.9%";
    return share < 0.0005 ? "under 0.1%" : `${(share * 100).toFixed(1)}%`;
  }

  function bars(answer, order) {
    const list = at("top");
    while (list.children.length < TOP) {
      const item = list.appendChild(document.createElement("li"));
      for (const name of ["label", "share", "bar"]) item.appendChild(document.createElement("span")).className = name;
      item.lastChild.setAttribute("aria-hidden", "true");
      item.lastChild.appendChild(document.createElement("i"));
    }
    order.slice(0, TOP).forEach((number, place) => {
      const [label, share, bar] = list.children[place].children;
      label.textContent = setup.classes[number];
      share.textContent = percent(answer.probabilities[number]);
      bar.firstChild.style.width = `${100 * answer.probabilities[number]}%`;
    });
  }

  function eye({ seen, milliseconds }) {
    const [rows, columns] = setup.size, canvas = at("seen"), context = canvas.getContext("2d");
    [canvas.width, canvas.height] = [columns, rows];
    const image = context.createImageData(columns, rows);
    for (let n = 0; n < rows * columns; n++) {
      for (let c = 0; c < 3; c++) image.data[4 * n + c] = seen[setup.channels === 1 ? n : 3 * n + c];
      image.data[4 * n + 3] = 255;
    }
    context.putImageData(image, 0, 0);
    const time = milliseconds < 10 ? milliseconds.toFixed(1) : milliseconds.toFixed(0);
    const kind = setup.channels === 1 ? "grey" : "colour";
    at("time").textContent = `This is what the network saw: ${columns}\u00a0×\u00a0${rows} pixels in ${kind}. It took ${time}\u00a0ms.`;
  }

  /* aloud: whether it is read out: what the camera sees while it moves is not. */
  function show(answer, aloud) {
    const order = [...answer.probabilities.keys()].sort((a, b) => answer.probabilities[b] - answer.probabilities[a]);
    const name = setup.classes[order[0]], share = percent(answer.probabilities[order[0]]);
    said = order[0];
    at("waiting").hidden = true;
    at("found").hidden = false;
    at("looking").hidden = !aloud; // not while the picture moves
    at("found").classList.toggle("rejected", answer.rejected);
    at("name").classList.toggle("none", answer.rejected);
    at("name").textContent = answer.rejected ? "None of these" : name;
    at("sure").textContent = answer.rejected
      ? `The picture is unlike those that the network learned from. Nearest: ${name}.` : `${share} sure`;
    bars(answer, order);
    eye(answer);
    if (aloud) at("said").textContent = answer.rejected ? `None of these. Nearest: ${name}` : `${name}, ${share} sure`;
  }

  // Where the network looked.

  const COLOURS = [[20, 11, 52], [132, 32, 107], [229, 92, 48], [246, 215, 70]]; // dark to bright

  function colour(value) {
    const place = value * (COLOURS.length - 1), low = Math.min(Math.floor(place), COLOURS.length - 2);
    return COLOURS[low].map((from, n) => from + (COLOURS[low + 1][n] - from) * (place - low));
  }

  function place({ rows, columns, values }) {
    let down = 0, right = 0, sum = 0;
    values.forEach((value, n) => {
      down += value * (Math.floor(n / columns) + 0.5);
      right += value * ((n % columns) + 0.5);
      sum += value;
    });
    if (!sum) return "";
    const third = (share, names) => names[share < 0.4 ? 0 : share < 0.6 ? 1 : 2];
    const words = [third(down / sum / rows, ["upper", "", "lower"]), third(right / sum / columns, ["left", "", "right"])];
    return words.filter(Boolean).join(" ") || "middle";
  }

  async function mapped() {
    const asked = ticket, map = await crew.ask("heat", { number: said }), context = heat.getContext("2d");
    if (asked !== ticket) return;
    [heat.width, heat.height] = [map.columns, map.rows];
    const image = context.createImageData(map.columns, map.rows);
    map.values.forEach((value, n) => image.data.set([...colour(value), 215 * value], 4 * n));
    context.putImageData(image, 0, 0);
    drawn = said;
    const spot = place(map);
    at("why").textContent = spot
      ? `The brighter, the more that part spoke for ${setup.classes[said]}: most of it in the ${spot}.`
      : `No part of the picture spoke for ${setup.classes[said]}; it is only the least unlikely.`;
  }

  function looking(on) {
    where.setAttribute("aria-pressed", String(on));
    where.textContent = on ? "Hide where it looked" : "Show where it looked";
    heat.classList.toggle("on", on);
    if (!setup.heat.refused) at("why").hidden = !on;
  }

  where.addEventListener("click", async () => {
    const on = where.getAttribute("aria-pressed") !== "true";
    if (on && drawn !== said) await mapped();
    looking(on);
  });
  if (setup.heat.refused) {
    where.hidden = true;
    at("why").textContent = `No map of where it looked: ${setup.heat.refused}`;
  }

  // A picture from a file.

  function displayed(blob) {
    if (address) URL.revokeObjectURL(address);
    address = URL.createObjectURL(blob);
    picture.onload = () => picture.classList.toggle("small", picture.naturalWidth < 200);
    picture.src = address;
    at("empty").hidden = true;
    at("frame").hidden = false;
    stage.classList.add("full");
  }

  function cleared() {
    at("frame").hidden = true;
    at("empty").hidden = false;
    stage.classList.remove("full");
    at("found").hidden = true;
    at("waiting").hidden = false;
  }

  async function classify(blob) {
    const asked = ++ticket;
    closed();
    line("");
    looking(false);
    drawn = -1;
    stage.classList.add("busy");
    try {
      await ready;
      const answer = await crew.ask("file", { blob });
      if (asked !== ticket) return;
      displayed(blob);
      show(answer, true);
    } catch (error) {
      if (asked !== ticket) return;
      cleared();
      line(error.message);
    } finally {
      if (asked === ticket) stage.classList.remove("busy");
    }
  }

  function given(files, otherwise) {
    const found = [...files];
    if (!found.length) return line(otherwise);
    const first = found.find((file) => file.type.startsWith("image/")) || found[0];
    return classify(first).then(() => {
      if (found.length > 1 && at("line").hidden) line(`One picture at a time: this is ${first.name}.`);
    });
  }

  for (const input of [at("file"), at("shot")])
    input.addEventListener("change", () => {
      if (input.files.length) given(input.files, "");
      input.value = ""; // so that the same file can be chosen again
    });
  document.addEventListener("paste", (event) => given(event.clipboardData.files, "What was pasted is no picture."));
  document.addEventListener("dragover", (event) => {
    event.preventDefault();
    stage.classList.add("drag");
  });
  document.addEventListener("dragleave", (event) => {
    if (!event.relatedTarget) stage.classList.remove("drag");
  });
  document.addEventListener("drop", (event) => {
    event.preventDefault();
    stage.classList.remove("drag");
    given(event.dataTransfer.files, "That is no file. Save the picture first: this page fetches nothing from elsewhere.");
  });

  // The camera.

  const REFUSED = {
    NotAllowedError: "The camera was not allowed. Allow it for this page in the browser, or choose a picture.",
    NotFoundError: "No camera was found. Choose a picture instead.",
    NotReadableError: "The camera is in use elsewhere. Close the other program, or choose a picture.",
  };

  function camera(on) {
    for (const [id, there] of [["choose", !on], ["camera", !on], ["shoot", on], ["stop", on], ["live", on]])
      at(id).hidden = !there;
    stage.classList.toggle("full", on || !at("frame").hidden);
  }

  function closed() {
    if (!stream) return;
    stream.getTracks().forEach((track) => track.stop());
    stream = null;
    live.srcObject = null;
    camera(false);
  }

  async function look(own) {
    while (stream === own) {
      if (live.readyState >= 2 && live.videoWidth && !document.hidden) {
        const bitmap = await createImageBitmap(live), answer = await crew.ask("frame", { bitmap }, [bitmap]);
        if (stream === own) show(answer, false);
      }
      await new Promise((resolve) => setTimeout(resolve, 150));
    }
  }

  at("camera").addEventListener("click", async () => {
    line("");
    if (!navigator.mediaDevices || !navigator.mediaDevices.getUserMedia) return at("shot").click();
    const asked = ++ticket;
    try {
      const video = { facingMode: { ideal: "environment" }, width: { ideal: 1280 } };
      const found = await navigator.mediaDevices.getUserMedia({ video, audio: false });
      if (asked !== ticket) return found.getTracks().forEach((track) => track.stop());
      stream = found;
      live.srcObject = stream;
      await live.play();
      await ready;
      cleared();
      at("empty").hidden = true;
      looking(false);
      camera(true);
      at("shoot").focus();
      await look(found);
    } catch (error) {
      closed();
      line(REFUSED[error.name] || `The camera cannot be used: ${error.message}. Choose a picture instead.`);
    }
  });

  at("shoot").addEventListener("click", () => {
    const canvas = document.createElement("canvas");
    [canvas.width, canvas.height] = [live.videoWidth, live.videoHeight];
    canvas.getContext("2d").drawImage(live, 0, 0);
    canvas.toBlob((blob) => classify(blob).then(() => at("camera").focus()), "image/png");
  });
  const stop = () => {
    ticket++;
    closed();
    cleared();
    at("camera").focus();
  };
  at("stop").addEventListener("click", stop);
  document.addEventListener("keydown", (event) => { if (event.key === "Escape" && stream) stop(); });

  ready.then(
    ({ readsTrue }) => {
      document.documentElement.dataset.ready = crew.name;
      if (!readsTrue)
        line("This browser changes the pixels that a page reads, to hide who is looking; answers may be wrong here.");
    },
    (error) => line(`The network cannot be started: ${error.message}`),
  );
})();
