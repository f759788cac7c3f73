"""The catalogue of metrics: what each name means, its unit, and how nodes add up.

Names follow ClusterCockpit (job-data schema and cc-metric-collector); units are base units, where
cc-metric-collector counts memory in kByte; rates are per second. One module per group; docs/metrics.md
is generated from them, and a test holds collectors to it.
"""
