"""The monthly report: figures, charts, HTML and XLSX, and the schedule by which they are written."""
