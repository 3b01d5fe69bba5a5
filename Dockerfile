# One image for every worker: `docker run driftline score`, `... monitor`, `... api`, and so on.
FROM python:3.11-slim AS build
COPY requirements.lock /tmp/requirements.lock
RUN python -m venv /opt/driftline \
    && /opt/driftline/bin/python -m pip install --no-cache-dir --no-deps --disable-pip-version-check -r /tmp/requirements.lock \
    && /opt/driftline/bin/python -m pip install --no-cache-dir --disable-pip-version-check hatchling
COPY . /src
RUN /opt/driftline/bin/python -m pip install --no-cache-dir --no-deps --no-build-isolation --disable-pip-version-check /src
# The kernels are compiled for any CPU of this architecture, since the image runs elsewhere than it is built.
ENV NUMBA_CPU_NAME=generic NUMBA_CACHE_DIR=/opt/driftline/kernels
RUN /opt/driftline/bin/python -m monitor.compile_kernels

FROM python:3.11-slim
RUN useradd --uid 10001 --create-home --home-dir /var/lib/driftline driftline
COPY --chown=driftline data/sample_lemlist_export.csv /contacts/
COPY --from=build /opt/driftline /opt/driftline
COPY --from=build --chown=driftline /opt/driftline/kernels /opt/driftline/kernels
ENV NUMBA_CPU_NAME=generic NUMBA_CACHE_DIR=/opt/driftline/kernels
ENV PATH=/opt/driftline/bin:$PATH PYTHONUNBUFFERED=1 DRIFTLINE_HOME=/var/lib/driftline HOME=/var/lib/driftline
USER driftline
WORKDIR /var/lib/driftline
VOLUME /var/lib/driftline
ENTRYPOINT ["driftline"]
CMD ["--help"]
