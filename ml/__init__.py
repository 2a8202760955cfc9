"""What a model is: fields, scorecards, reasons, training and the promotion gate.

Records go in, plain data comes out. No web framework and no database is known here. Serving
(`fields`, `scorecard`, `reasons`, `starter`) needs the standard library only; training may use
scikit-learn, pandas and numpy.
"""
