"""The course's own program: a CNN in Keras, trained by convsmith. Only two lines differ from Keras's program.

H. Lin and M. Li, "Convolutional Neural Network", 2020. It ran on MNIST there; here on scikit-learn's digits,
which come along. Run it with ``python examples/course.py [EPOCHS]``.
"""

import os
import sys

os.environ.setdefault("KERAS_BACKEND", "torch")

import keras
import numpy as np
from sklearn.datasets import load_digits

import convsmith as cs

epochs = int(sys.argv[1]) if len(sys.argv) > 1 else 12

pixels, labels = load_digits(return_X_y=True)
order = np.random.default_rng(0).permutation(len(pixels))
x = (pixels[order].reshape(-1, 8, 8, 1) / 16).astype("float32")
y = keras.utils.to_categorical(labels[order], 10)
x_train, y_train, x_test, y_test = x[:1500], y[:1500], x[1500:], y[1500:]

model = keras.Sequential(
    [
        keras.Input((8, 8, 1)),
        keras.layers.Conv2D(32, (3, 3), activation="relu"),
        keras.layers.Conv2D(64, (3, 3), activation="relu"),
        keras.layers.MaxPooling2D((2, 2)),
        keras.layers.Dropout(0.25),
        keras.layers.Flatten(),
        keras.layers.Dense(128, activation="relu"),
        keras.layers.Dropout(0.5),
        keras.layers.Dense(10, activation="softmax"),
    ]
)
model.compile(
    loss="categorical_crossentropy",
    # The course's text leaves the learning rate at the default of its time, 1.0; Keras 3's is 0.001.
    optimizer=keras.optimizers.Adadelta(learning_rate=1.0),
    metrics=["accuracy"],
)

print(cs.size(model))
history = cs.fit(model, x_train, y_train, batch_size=128, epochs=epochs, validation_split=0.2, verbose=0)
predicted = cs.predict(model, x_test, verbose=0)

print(
    f"validation accuracy after each epoch: {[round(value, 3) for value in history.history['val_accuracy']]}"
)
print(f"test accuracy: {(predicted.argmax(1) == y_test.argmax(1)).mean():.3f}")
