"""Server power through Redfish (DMTF DSP0266 and its schemas DSP2046)."""
