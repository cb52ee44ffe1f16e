# Allo in a container: `docker build -t allo .`, then compose.yaml. Calls need many UDP ports: use the host's network.
FROM python:3.12-slim-bookworm AS build
WORKDIR /opt/allo
COPY . .
RUN python -m venv .venv && .venv/bin/pip install --no-cache-dir -c constraints.txt -e .

FROM python:3.12-slim-bookworm
RUN useradd --system --uid 10001 --home-dir /var/lib/allo --create-home allo
COPY --from=build /opt/allo /opt/allo
# the container's own folder for records, and knowledge and prompts that may be changed
ENV ALLO_STORAGE__DIR=/var/lib/allo
VOLUME /var/lib/allo
WORKDIR /var/lib/allo
USER 10001
EXPOSE 5060/udp 5060/tcp 9000/tcp 20000-20999/udp
HEALTHCHECK --start-period=30s CMD ["/opt/allo/.venv/bin/python", "-c", "import urllib.request; urllib.request.urlopen('http://127.0.0.1:9000/health', timeout=3)"]
ENTRYPOINT ["/opt/allo/.venv/bin/allo"]
CMD ["serve"]
