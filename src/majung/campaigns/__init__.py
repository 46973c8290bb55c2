"""What is said: message, campaign, schedule, approval, by-hand tasks, reports. Serves M1-M4, M9, M10."""
