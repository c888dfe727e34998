"""Schedules: jobs that are submitted again and again, by a cron expression or a recurrence."""
