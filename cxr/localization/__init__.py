"""Class heatmaps -> boxes; overlap measures. numpy only."""
