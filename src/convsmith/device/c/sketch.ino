// Classifies one image that comes over the serial line as rows x columns x channels bytes, 0 to 255.
#include "{{name}}.h"

void setup() { Serial.begin(115200); }

void loop() {
  {{number}} *pixels = {{name}}_input();
  for (int i = 0; i < {{NAME}}_ROWS * {{NAME}}_COLUMNS * {{NAME}}_CHANNELS; i++) {
    while (!Serial.available()) {}
    int c = Serial.read();
    pixels[i] = {{pixel}};
  }
  const {{number}} *found = {{name}}_run();
  int best = 0;
  for (int i = 1; i < {{NAME}}_OUTPUTS; i++)
    if (found[i] > found[best]) best = i;
  {{printed}}
}
