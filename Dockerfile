# hrm-rl on a CPU: docker build -t hrm-rl . && docker run --rm -t hrm-rl evaluate sudoku4 --limit 100
FROM python:3.12-slim
ENV PIP_NO_CACHE_DIR=1 SDL_VIDEODRIVER=dummy
WORKDIR /src
COPY pyproject.toml constraints.txt README.md LICENSE ./
COPY hrm_rl hrm_rl
# PyTorch's index has the small build of torch but not every pinned version of what torch needs, so it stands
# beside PyPI and not in its place. The suffix +cpu says which of the two torch comes from: PyPI takes no such
# versions. Everything else has its exact pin, whichever of them it is found on, and the second line asks PyPI alone.
RUN pip install -c constraints.txt --extra-index-url https://download.pytorch.org/whl/cpu \
        "$(grep '^torch==' constraints.txt)+cpu" \
    && pip install -c constraints.txt '.[fast,plots]'
WORKDIR /work
ENTRYPOINT ["hrm-rl"]
CMD ["--help"]
