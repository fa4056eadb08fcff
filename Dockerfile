# The image of all volcast services: `docker run IMAGE COMMAND ...` runs `volcast COMMAND ...`.
# The first stage builds the wheel and a virtual environment; the second has only that environment, without pip or a compiler.
# It runs as an unprivileged user and needs no writable file system except /tmp.
ARG PYTHON_IMAGE=python:3.12.14-slim-bookworm

FROM ${PYTHON_IMAGE} AS builder
ENV PIP_DISABLE_PIP_VERSION_CHECK=1 PIP_NO_CACHE_DIR=1
RUN python -m venv /opt/build && /opt/build/bin/pip install --quiet --only-binary=:all: pip==26.3 setuptools==84.2.1 \
    && python -m venv --without-pip /opt/venv
WORKDIR /src
# The libraries change rarely: they are installed first, so that their layer is reused after a change of the code.
COPY requirements.txt ./
RUN /opt/build/bin/pip --python /opt/venv/bin/python install --quiet --require-hashes --only-binary=:all: -r requirements.txt
COPY . .
RUN /opt/build/bin/pip wheel --quiet --no-deps --no-build-isolation --wheel-dir /opt/wheel . \
    && /opt/build/bin/pip --python /opt/venv/bin/python install --quiet --no-deps --no-index /opt/wheel/*.whl

FROM ${PYTHON_IMAGE}
LABEL org.opencontainers.image.title="volcast" \
      org.opencontainers.image.description="Streaming volatility forecasts for crypto markets: exact signals, an online forecaster, nothing lost." \
      org.opencontainers.image.version="0.1.0" \
      org.opencontainers.image.licenses="Apache-2.0"
# The ids are fixed, so that an orchestrator can verify that they are not root's, and a volume can be given to them in advance.
RUN groupadd --gid 10001 volcast && useradd --uid 10001 --gid 10001 --create-home --shell /usr/sbin/nologin volcast
COPY --from=builder /opt/venv /opt/venv
ENV PATH=/opt/venv/bin:$PATH PYTHONUNBUFFERED=1 PYTHONDONTWRITEBYTECODE=1
USER 10001:10001
WORKDIR /home/volcast
EXPOSE 8000
ENTRYPOINT ["volcast"]
CMD ["--help"]
