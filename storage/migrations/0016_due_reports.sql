-- What is still to be written, for whoever claims it and whoever watches: done runs are many and are not looked at.
CREATE INDEX report_run_open ON report_run (due) WHERE state <> 'done';
