"""`python -m devops_daemon` is `devops-daemon`."""

from devops_daemon.cli.main import main

if __name__ == "__main__":
    main()
