# Two stages: the wheel is built in one, the other holds what runs and nothing else.
FROM python:3.13-slim AS build
WORKDIR /src
COPY requirements/dev.txt requirements/dev.txt
RUN python -m venv /build && /build/bin/pip install --no-cache-dir --require-hashes -r requirements/dev.txt
COPY pyproject.toml README.md LICENSE ./
COPY profiles profiles
COPY addons addons
COPY proxy proxy
RUN /build/bin/python -m hatchling build --target wheel --directory /dist

FROM python:3.13-slim
COPY requirements/runtime.txt /tmp/runtime.txt
RUN python -m venv /opt/grantproxy \
    && /opt/grantproxy/bin/pip install --no-cache-dir --require-hashes -r /tmp/runtime.txt \
    && rm /tmp/runtime.txt
COPY --from=build /dist/*.whl /tmp/
RUN /opt/grantproxy/bin/pip install --no-cache-dir --no-deps /tmp/*.whl \
    && rm /tmp/*.whl \
    && useradd --uid 10001 --create-home grantproxy \
    && mkdir /var/lib/grantproxy \
    && chown grantproxy /var/lib/grantproxy
ENV PATH=/opt/grantproxy/bin:$PATH \
    GRANTPROXY_CONFIG=/etc/grantproxy/grantproxy.yaml \
    GRANTPROXY_STATE_DIR=/var/lib/grantproxy/state \
    GRANTPROXY_CA_DIR=/var/lib/grantproxy/ca
USER 10001
VOLUME /var/lib/grantproxy
EXPOSE 8080
# Asks the proxy itself, by its control socket, for what it holds. As the listener is not loopback, the
# configuration has to name clients.
HEALTHCHECK --interval=30s --timeout=10s --start-period=20s \
    CMD ["grantproxy", "tokens", "--json", "--listen", "0.0.0.0:8080"]
ENTRYPOINT ["grantproxy"]
CMD ["serve", "--listen", "0.0.0.0:8080"]
