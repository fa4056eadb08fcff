"""What else is known of the scored forecasts, beyond mean losses. Pure functions of arrays, and plain data that they return.

`predictive.py` scores whole distributions (PIT, CRPS, pinball loss); `course.py` follows forecasts and coverage over time;
`storms.py` asks which of the wildest hours were warned of; `tail_risk.py` tests value at risk and expected shortfall;
`sizing.py` holds positions whose size follows the forecast. All of it is causal where it says so, and says so where not.
"""
