"""Qwen-VL Studio: options -> settings -> page -> launch. `python app.py --help` tells the options."""

import sys

try:
    from app.main import main
    from app.settings import read_settings
    from model.errors import StudioError
except ModuleNotFoundError as error:
    sys.exit(f"The package {error.name} is missing. Install what is needed: pip install -r requirements.txt")

if __name__ == "__main__":
    try:
        main(read_settings())
    except StudioError as error:
        sys.exit(str(error))
