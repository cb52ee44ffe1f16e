# Allo in a container: `docker build -t allo .`, then compose.yaml. Calls need many UDP ports: use the host's network.
FROM python:3.12-slim-bookworm AS build
WORKDIR /opt/allo
COPY . .
# compiled here: the container may not write beside the program, and would compile it at each start
RUN python -m venv .venv && .venv/bin/pip install --no-cache-dir -c constraints.txt -e . \
    && .venv/bin/python -m compileall -q agent audio gateways kb telephony

FROM python:3.12-slim-bookworm
RUN useradd --uid 10001 --home-dir /var/lib/allo --create-home allo
COPY --from=build /opt/allo /opt/allo
# the volume: records, and the knowledge and the prompts, which are yours from the first start on
COPY --chown=10001 kb/*.md /var/lib/allo/kb/
COPY --chown=10001 kb/en /var/lib/allo/kb/en
COPY --chown=10001 prompts /var/lib/allo/prompts
ENV ALLO_STORAGE__DIR=/var/lib/allo ALLO_KB__DIR=/var/lib/allo/kb ALLO_PROMPTS__DIR=/var/lib/allo/prompts
VOLUME /var/lib/allo
WORKDIR /var/lib/allo
USER 10001
EXPOSE 5060/udp 5060/tcp 9000/tcp 20000-20999/udp
HEALTHCHECK --start-period=30s CMD ["/opt/allo/.venv/bin/python", "-c", "import urllib.request; urllib.request.urlopen('http://127.0.0.1:9000/health', timeout=3)"]
ENTRYPOINT ["/opt/allo/.venv/bin/allo"]
CMD ["serve"]
