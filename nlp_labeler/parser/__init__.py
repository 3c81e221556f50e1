"""The dependency parser of the graph engine: its tokens, its training, and the trained model it ships.

``treebank`` and ``synthetic`` give the training sentences, ``training`` fits the model, ``model`` loads it.
The trained weights under ``weights`` carry their own licence: see the NOTICE beside them.
"""
