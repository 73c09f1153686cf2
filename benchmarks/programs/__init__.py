"""Whole programs that the questions start, each a process of its own: `python -m benchmarks.programs.NAME …`.

tinynn, textbook, torch, jax and sklearn train the network of recipe.py on MNIST, as a good user of each would write
it; `NAME SEED EPOCHS [FORM]`. They say on their output when their imports are done ("imported"), when the data are
in memory ("read"), and after each quarter of an epoch how far they are ("0.25 0.9312": epochs, test accuracy).
Nothing in them measures time: who started them does, from the start of the process.

array_memory, peak and steps answer questions of weight.py and threads.py.
"""
