"""River estimators: regressors by River's own checks that River does not have, or not in a form that can be written down."""
