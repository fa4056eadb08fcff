#!/usr/bin/env bash
# Deploys the image that ran before the last deployment. Running it again returns to the newer one.
#
#   deploy/scripts/rollback.sh [--dry-run]
#
# Signals, state and position are on the log: an older version goes on where the newer one stopped. If it cannot read the newer
# one's state, it computes it anew from the candles (docs/deployment.md).
# Exit codes: those of deploy.sh; 2 if there is nothing to return to.
source "$(dirname "${BASH_SOURCE[0]}")/lib.sh"
previous=$(from_dotenv PREVIOUS_IMAGE)
[ -n "$previous" ] || fail "there was no deployment before this one: .env has no PREVIOUS_IMAGE" 2
exec deploy/scripts/deploy.sh "$@" "$previous"
