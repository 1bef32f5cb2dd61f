# hrm-rl on a CPU: docker build -t hrm-rl . && docker run --rm -t hrm-rl evaluate sudoku4 --limit 100
FROM python:3.12-slim
ENV PIP_NO_CACHE_DIR=1 SDL_VIDEODRIVER=dummy
WORKDIR /src
COPY pyproject.toml constraints.txt README.md LICENSE ./
COPY hrm_rl hrm_rl
RUN pip install -c constraints.txt --index-url https://download.pytorch.org/whl/cpu torch \
    && pip install -c constraints.txt '.[fast,plots]'
WORKDIR /work
ENTRYPOINT ["hrm-rl"]
CMD ["--help"]
