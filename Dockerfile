# The image of all volcast services: `docker run IMAGE COMMAND ...` runs `volcast COMMAND ...`.
# The first stage builds the wheel and a virtual environment; the second has only that environment, without pip or a compiler.
# It runs as an unprivileged user and needs no writable file system except /tmp.
# `docker build --target batch` gives an image that runs the batch job; what no target names is the image of the services.
# `docker build --build-arg REQUIREMENTS=requirements-lifecycle.txt` adds what the long loop needs (docs/lifecycle.md).
# `make build` also sets the labels `revision` and `created`.
# The base is pinned by its version. Its digest could not be verified where this was written; it goes behind the version, as
# NAME:VERSION@sha256:… (docs/deployment.md).
ARG PYTHON_IMAGE=python:3.12.14-slim-bookworm

FROM ${PYTHON_IMAGE} AS builder
ENV PIP_DISABLE_PIP_VERSION_CHECK=1 PIP_NO_CACHE_DIR=1
# mypyc compiles the core with gcc. Without them or Python.h the wheel is pure Python: the same results, at a lower speed.
RUN apt-get update -qq && apt-get install --yes -qq --no-install-recommends gcc libc6-dev >/dev/null && rm -rf /var/lib/apt/lists/*
WORKDIR /src
COPY requirements-build.txt ./
RUN python -m venv /opt/build && /opt/build/bin/pip install --quiet --only-binary=:all: pip==26.3 \
    && /opt/build/bin/pip install --quiet --require-hashes --only-binary=:all: -r requirements-build.txt \
    && python -m venv --without-pip /opt/venv
# The libraries change rarely: they are installed first, so that their layer is reused after a change of the code. Their own tests
# are left out.
COPY requirements.txt requirements-lifecycle.txt ./
ARG REQUIREMENTS=requirements.txt
RUN /opt/build/bin/pip --python /opt/venv/bin/python install --quiet --require-hashes --only-binary=:all: -r ${REQUIREMENTS} \
    && find /opt/venv/lib -type d -name tests -prune -exec rm -r {} +
COPY . .
# `always` fails where the core cannot be compiled.
ARG VOLCAST_COMPILE=auto
RUN VOLCAST_COMPILE=${VOLCAST_COMPILE} VOLCAST_LIBRARIES=/opt/venv/bin/python \
    /opt/build/bin/pip wheel --quiet --no-deps --no-build-isolation --wheel-dir /opt/wheel . \
    && /opt/build/bin/pip --python /opt/venv/bin/python install --quiet --no-deps --no-index /opt/wheel/*.whl

FROM ${PYTHON_IMAGE} AS runtime
# The ids are fixed, so that an orchestrator can verify that they are not root's, and a volume can be given to them in advance.
# The public base image has pip of its own; nothing is installed here any more.
RUN groupadd --gid 10001 volcast && useradd --uid 10001 --gid 10001 --create-home --shell /usr/sbin/nologin volcast \
    && rm -rf /usr/local/lib/python3*/site-packages/pip* /usr/local/bin/pip*
COPY --from=builder /opt/venv /opt/venv
ENV PATH=/opt/venv/bin:$PATH PYTHONUNBUFFERED=1 PYTHONDONTWRITEBYTECODE=1
USER 10001:10001
WORKDIR /home/volcast
EXPOSE 8000
# Kubernetes has probes of its own, and formats of images other than Docker's have no health check: docker-compose.yml repeats it.
HEALTHCHECK --interval=10s --timeout=5s --start-period=30s --retries=3 CMD ["volcast", "health"]
ENTRYPOINT ["volcast"]
CMD ["--help"]
ARG REVISION=unknown
ARG CREATED=unknown
LABEL org.opencontainers.image.title="volcast" \
      org.opencontainers.image.description="Streaming volatility forecasts for crypto markets: exact signals, an online forecaster, nothing lost." \
      org.opencontainers.image.version="0.1.0" \
      org.opencontainers.image.licenses="Apache-2.0" \
      org.opencontainers.image.revision="${REVISION}" \
      org.opencontainers.image.created="${CREATED}"

# The batch job on the bundled candles: docker run --rm --user "$(id -u):$(id -g)" -v "$PWD/out:/out" IMAGE
# leaves metrics.json and run.log in ./out and exits with the job's code. Other data and another configuration can be mounted over
# the files in /job, and any other command can be given.
FROM runtime AS batch
USER 0:0
RUN install --directory --owner=10001 --group=10001 /out
USER 10001:10001
COPY --from=builder /src/volcast/simulation/sample/BTCUSDT-simulated.csv.gz /job/data.csv.gz
COPY --from=builder /src/volcast/simulation/sample/batch.yaml /job/config.yaml
CMD ["signal", "--input", "/job/data.csv.gz", "--config", "/job/config.yaml", \
     "--output", "/out/metrics.json", "--log-file", "/out/run.log"]

FROM runtime
