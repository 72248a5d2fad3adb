/* What a page asks of the network, one task at a time: in a worker where there is one, else beside the page.
 *
 * open: { setup, weights }    file: { blob }    frame: { bitmap }    heat: { number }
 * Each answer has the task's id; one that failed has an `error` for people.
 */
"use strict";

globalThis.ConvsmithTasks = (() => {
  const { Network, answer } = globalThis.ConvsmithNetwork;
  let network = null, setup = null;

  function answered(image) {
    const seen = globalThis.ConvsmithPixels.seen(image, setup.size, setup.channels, setup.pillow), begun = performance.now();
    const logits = network.run(seen);
    return { ...answer(logits, setup.rule), seen, milliseconds: performance.now() - begun };
  }

  /* The first picture finds a network that the browser has compiled already; at most a fifth of a second. */
  function warmed() {
    const pixels = new Uint8Array(setup.size[0] * setup.size[1] * setup.channels), end = performance.now() + 200;
    for (let n = 0; n < 8 && performance.now() < end; n++) network.run(pixels);
  }

  const TASKS = {
    open({ setup: given, weights }) {
      setup = given;
      network = new Network(setup.program, weights);
      warmed();
      return { readsTrue: globalThis.ConvsmithDecode.readsTrue() };
    },
    file: async ({ blob }) => answered(await globalThis.ConvsmithDecode.file(blob, setup.size)),
    frame: ({ bitmap }) => answered(globalThis.ConvsmithDecode.frame(bitmap)),
    heat: ({ number }) => network.heat(number),
  };

  async function done(message) {
    try {
      return { id: message.id, ...(await TASKS[message.task](message)) };
    } catch (error) {
      const known = error instanceof globalThis.ConvsmithDecode.Refusal;
      return { id: message.id, error: known ? error.message : `Something went wrong: ${error.message}` };
    }
  }

  if (typeof WorkerGlobalScope !== "undefined" && globalThis instanceof WorkerGlobalScope)
    globalThis.onmessage = async ({ data }) => globalThis.postMessage(await done(data));

  return { done };
})();
