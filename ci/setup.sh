# Sourced by the scripts beside it: makes the project's virtual environment, once for each state of pyproject.toml.
# Usage: . ci/setup.sh EXTRAS      (sets $root, $venv; PYLMER_VENV names another place, PYTHON another interpreter)

root=$(cd "$(dirname "${BASH_SOURCE[0]}")/.." && pwd)
venv=${PYLMER_VENV:-$root/.venv}

python_new_enough() { "$1" -c 'import sys; sys.exit(sys.version_info < (3, 11))' 2>/dev/null; }

find_python() {
    local candidate
    for candidate in ${PYTHON:+"$PYTHON"} python3 python3.13 python3.12 python3.11 python; do
        if command -v "$candidate" >/dev/null && python_new_enough "$candidate"; then
            echo "$candidate"
            return
        fi
    done
    echo "pylmer needs Python 3.11 or newer; none was found. Set PYTHON to one." >&2
    return 1
}

make_environment() {
    local extras=$1 python stamp wanted
    stamp=$venv/.pylmer-$extras
    wanted="$root $(cksum <"$root/pyproject.toml")"
    if [ -x "$venv/bin/python" ] && [ "$(cat "$stamp" 2>/dev/null)" = "$wanted" ]; then
        return
    fi
    python=$(find_python) || return 1
    echo "setting up $venv [$extras] ..."
    [ -x "$venv/bin/python" ] && python_new_enough "$venv/bin/python" || "$python" -m venv "$venv" || return 1
    "$venv/bin/python" -m pip install --quiet --disable-pip-version-check -e "$root[$extras]" || return 1
    echo "$wanted" >"$stamp"
}

make_environment "$1" || exit 1
