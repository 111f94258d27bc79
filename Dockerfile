# sslvqa in a container, CPU only:
#   docker build -t sslvqa .
#   docker run --rm -v "$PWD:/videos" sslvqa score a.mp4
#   docker run --rm -p 8000:8000 -v "$PWD:/videos" sslvqa serve --host 0.0.0.0 --folder .   # prints its token
FROM python:3.12-slim AS build
WORKDIR /source
ARG TORCH_INDEX=https://download.pytorch.org/whl/cpu
RUN python -m venv /opt/sslvqa
ENV PATH=/opt/sslvqa/bin:$PATH
# the CPU build of torch first: plain `torch` pulls CUDA
RUN pip install --no-cache-dir --index-url "$TORCH_INDEX" torch==2.13.0
COPY pyproject.toml constraints.txt README.md LICENSE NOTICE ./
COPY src src
RUN pip install --no-cache-dir ".[web,report]" -c constraints.txt

FROM python:3.12-slim
COPY --from=build /opt/sslvqa /opt/sslvqa
ENV PATH=/opt/sslvqa/bin:$PATH PYTHONUNBUFFERED=1 MPLCONFIGDIR=/tmp/matplotlib
RUN useradd --create-home --uid 1000 sslvqa
USER sslvqa
WORKDIR /videos
EXPOSE 8000
ENTRYPOINT ["sslvqa"]
CMD ["--help"]
