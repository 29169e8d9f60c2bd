# The server with what scripts in Python need. It runs without root, on a read-only root file system, with
# one volume: /data, the local Supabase. With SUPABASE_URL nothing is written there.

# The release workflow puts a folder of compiled programs in the place of this stage.
FROM rust:1.95-bookworm AS build
ARG TARGETARCH
WORKDIR /source
COPY . .
RUN --mount=type=cache,target=/usr/local/cargo/registry --mount=type=cache,target=/source/target \
    cargo build --release --locked --bin chat-backend \
    && install -D target/release/chat-backend "/$TARGETARCH/chat-backend"

FROM debian:bookworm-slim
COPY container/setup.sh container/packages.txt /tmp/container/
RUN sh /tmp/container/setup.sh /tmp/container && rm -r /tmp/container
ARG TARGETARCH
COPY --from=build /$TARGETARCH/chat-backend /usr/local/bin/chat-backend

USER 10001:10001
WORKDIR /data
VOLUME /data
ENV HOST=0.0.0.0 \
    PORT=8000 \
    LOCAL_SUPABASE_ADDR=0.0.0.0:54321 \
    DATA_DIR=/data
EXPOSE 8000 54321
# Longer than SHUTDOWN_GRACE_S by 10 s, see compose.yaml.
STOPSIGNAL SIGTERM
HEALTHCHECK --interval=30s --timeout=12s --start-period=20s --start-interval=1s \
    CMD ["chat-backend", "health"]
ENTRYPOINT ["chat-backend"]
