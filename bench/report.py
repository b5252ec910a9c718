"""The results as a person reads them. Measures nothing."""

from __future__ import annotations

from typing import Any


def text(results: dict[str, Any]) -> str:
    """Two tables: what each server took, and the goals with what was reached."""
    lines = [f"{'scenario':<28}{'server':<13}{'CPU µs/request':>15}{'least':>8}{'req/s':>9}{'p50 ms':>8}{'p99 ms':>8}"]
    for scenario, by_label in results["figures"].items():
        for label, figures in by_label.items():
            row = f"{scenario:<28}{label:<13}{figures['cpu']:>15.1f}"
            if "rate" in figures:
                row += f"{figures['least_cpu']:>8.1f}{figures['rate']:>9.0f}{figures['p50']:>8.2f}{figures['p99']:>8.2f}"
            lines.append(row)
    lines += ["", f"{'ratio':<52}{'reached':>9}  {'goal':>8}"]
    for goal in results["goals"]:
        sign = "≤" if goal["at_most"] else "≥"
        lines.append(f"{goal['what']:<52}{goal['reached']:>9.2f}  {sign} {goal['goal']:>6g}  {'met' if goal['met'] else 'NOT MET'}")
    return "\n".join(lines)
