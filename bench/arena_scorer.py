"""Scores scenario paths by the rules of Synth's one-hour crypto competition, as `crunch-synth` implements them.

It runs in an environment that has crunch-synth, started by `bench.arena`, and imports nothing of this project. Standard input has
frames: a JSON line as `Scorer.score` there sends it, then for each name count × points float64, the paths. Densities are drawn as
paths first, as the competition does. Standard output has a JSON line for each frame: {name: [price CRPS, volatility CRPS]}, in
Synth's units.
"""

import json
import sys

import numpy as np
from crunch_synth.synth_score import SCORING_INTERVALS, calculate_crps_for_miner
from crunch_synth.utils.distributions import validate_distribution
from crunch_synth.volatility import VOL_SCORING_BLOCKS, calculate_vol_crps_for_miner, simulate_price_paths

STEP_S = 60


def main() -> None:
    """Score frames until the input ends."""
    stream = sys.stdin.buffer
    while line := stream.readline():
        frame = json.loads(line)
        real = np.array(frame["real"])
        size = frame["count"] * frame["points"]
        answers = {name: np.frombuffer(stream.read(8 * size)).reshape(frame["count"], -1) for name in frame["names"]}
        for name, densities in frame["densities"].items():
            for density in (each for step in densities.values() for each in step):
                validate_distribution(density)
            by_step = {int(step): each for step, each in densities.items()}
            answers[name] = simulate_price_paths(by_step, real[0], frame["seed"], frame["count"])
        scores = {}
        for name, paths in answers.items():
            price = calculate_crps_for_miner(paths, real, STEP_S, SCORING_INTERVALS[STEP_S])
            volatility, _ = calculate_vol_crps_for_miner(paths, real, STEP_S, VOL_SCORING_BLOCKS)
            if price < 0:
                raise SystemExit(f"the rules reject the paths of {name}: a price is 0")
            scores[name] = [price, volatility]
        print(json.dumps(scores), flush=True)


if __name__ == "__main__":
    main()
