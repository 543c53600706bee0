"""Gaussian mixtures with uniform noise, fitted to binned clicks."""
