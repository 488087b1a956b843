"""Pure thermal physics, vectorised over units: state and inputs in, state and energies out.

Every model is a frozen parameter set and a function ``step_…(params, state, inputs, dt_s) -> (state, fluxes)``.
Temperatures are in °C, powers in W, energies over the step in J; the first axis of every array is the unit. A number in
place of an array holds for all units. Steps are exact (or exact for the linear part) from a millisecond to a day, and
what flowed in less what flowed out is what is stored, to rounding.

- `room_parameters`, `room` : two-element room after VDI 6007-1, air with or without mass; `RoomParameters.apartment`
- `ideal_load` : power that holds a set point, within limits; heat and cold may be given off in different places
- `sun` : sun through one or more façades, blinds
- `outdoor` : equivalent outdoor temperature of walls, windows and floor together
- `heater` : shell of a digital heater
- `boiler` : loop of a digital boiler, case loss as a conductance
- `exchanger` : counter-flow ε-NTU
- `tank_parameters`, `tank` : stratified tank with draws and a charge circuit
- `swimming_pool` : indoor pool
- `water` : constants of water and moist air
- `linear` : exact means of linear systems over a step
- `arrays` : checked arrays, one row per unit

Coupling: heater → room by ``HeaterFluxes.mean_heat_w``; boiler → tank by ``BoilerFluxes.mean_delivered_w`` as
``TankInputs.charge_heat_w`` with the same load flow, the boiler's load inlet being the tank's ``charge_out`` layer. A
coupled pair exchanges once a step: keep that step at 60 s or less where a small tank layer and a large flow meet.

How to run a test case of VDI 6007-1 from its published parameters, with examples: docs/reference/room-test-cases.md.
"""
