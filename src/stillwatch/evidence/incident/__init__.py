"""The incident report for authorities and counsel: data, HTML and PDF."""
