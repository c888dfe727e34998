"""Linear models (scikit-learn): logistic regression, and ridge regression for numbers."""
