"""Dashboards for an operator's Grafana: what they show (`panels`, `boards`), which there are (`places`), and the sync.

The statements that panels ask are in `storage/sql/panels.sql`; they see the views of the schema `grafana` alone.
"""
