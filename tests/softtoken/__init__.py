"""Tests of the phone application."""
