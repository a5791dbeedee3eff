"""The report: one HTML file that an investigator reads, made from a scan's findings."""

from stillwatch.findings import dump_findings, load_findings
from stillwatch.report.page import render_report, write_report

__all__ = ["dump_findings", "load_findings", "render_report", "write_report"]
