"""The pictures of docs/reading_results.md, from a run of the configuration on that page.

    python docs/images/make.py [FOLDER]

`tornado.png` is the figure of the run; `report.png` is the top of its report, drawn by Chromium if
there is one. The run stays in FOLDER, by default a temporary one.
"""

import os
import re
import shutil
import subprocess
import sys
import tempfile
from pathlib import Path

from PIL import Image

import biomech as bm
from biomech.experiment.config import parse_yaml

HERE = Path(__file__).resolve().parent
WIDTH, HEIGHT = 800, 1345
"""Of `report.png` [pixels]: down to the end of the first figure."""
BROWSERS = ("chromium", "chromium-browser", "google-chrome")


def main(folder: Path) -> None:
    page = (HERE.parent / "reading_results.md").read_text(encoding="utf-8")
    config = re.search(r"```yaml\n(.*?)```", page, re.DOTALL)
    assert config is not None
    run = bm.run(parse_yaml(config[1], "reading_results.md"), out=folder)
    small(run.folder / "figures" / "tornado.png", HERE / "tornado.png", 960)
    report = bm.report(run.open(), run.folder / "report.html")
    browser = next(filter(None, map(shutil.which, BROWSERS)), None)
    if browser is None:
        print(f"No Chromium: {HERE / 'report.png'} stays as it is.")
        return
    shot = run.folder / "report.png"
    options = ["--headless=new", "--disable-gpu", "--hide-scrollbars", f"--screenshot={shot}"]
    options += ["--no-sandbox"] if os.geteuid() == 0 else []  # which root may not have
    window = f"--window-size={WIDTH},{HEIGHT}"
    subprocess.run([browser, *options, window, report.as_uri()], check=True, timeout=120)
    small(shot, HERE / "report.png", WIDTH)


def small(picture: Path, to: Path, width: int) -> None:
    """A copy of that width in 256 colors: enough for lines and letters, a third of the size."""
    with Image.open(picture) as image:
        height = round(image.height * width / image.width)
        resized = image.convert("RGB").resize((width, height), Image.Resampling.LANCZOS)
        resized.quantize(256, dither=Image.Dither.NONE).save(to, optimize=True)


if __name__ == "__main__":
    if len(sys.argv) > 1:
        main(Path(sys.argv[1]).absolute())
    else:
        with tempfile.TemporaryDirectory() as temporary:
            main(Path(temporary) / "run")
