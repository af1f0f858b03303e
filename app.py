"""Qwen-VL Studio: options -> settings -> page -> launch. `python app.py --help` tells the options.

`python app.py read FILES...` reads documents without a page; `python app.py read --help` tells its options.
"""

if __name__ == "__main__":  # processes that the program starts import this file too, and want nothing of it
    import signal
    import sys

    # From the first moment on Ctrl+C just ends the program: there is nothing to tell, and until it serves nothing to
    # close.
    signal.signal(signal.SIGINT, signal.SIG_DFL)

    try:
        from app.main import main
        from app.settings import read_settings
        from model.errors import StudioError
    except ModuleNotFoundError as error:
        sys.exit(f"The package {error.name} is missing. Install what is needed: pip install -r requirements.txt")

    try:
        if sys.argv[1:2] == ["read"]:
            from app.batch_read import read

            sys.exit(read(sys.argv[2:]))
        main(read_settings())
    except StudioError as error:
        print(error, file=sys.stderr)
        sys.exit(2)
