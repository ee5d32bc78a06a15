# The example workers: `docker build -f docker/worker.Dockerfile -t amends-worker .`
FROM rust:1.95-slim-bookworm AS build
# The TLS library is partly C.
RUN apt-get update \
    && apt-get install -y --no-install-recommends gcc libc6-dev \
    && rm -rf /var/lib/apt/lists/*
WORKDIR /source
COPY . .
RUN --mount=type=cache,target=/usr/local/cargo/registry \
    --mount=type=cache,target=/source/target \
    cargo build --profile production --locked --bin amends \
    && cp target/production/amends /usr/local/bin/amends

FROM debian:bookworm-slim
# Certificates of public authorities, for connections with TLS.
RUN apt-get update \
    && apt-get install -y --no-install-recommends ca-certificates \
    && rm -rf /var/lib/apt/lists/* \
    && useradd --system --uid 10001 --home-dir /nonexistent --no-create-home --shell /usr/sbin/nologin amends
COPY --from=build /usr/local/bin/amends /usr/local/bin/amends
COPY sagas /etc/amends/sagas
USER amends
WORKDIR /etc/amends
# SIGTERM drains: handlers that have begun finish and reply.
STOPSIGNAL SIGTERM
ENTRYPOINT ["amends"]
CMD ["demo-worker"]
