"""What no schedule can beat: a linear programme with perfect foresight, and a proof of its number.

``minimise Σ_t Δ·[Σ_u e_ut·P_ut + Σ_s k_st·(b_st + d_st − y_st)] + Σ_c L_c·v_c + D·Σ_st z_st − Σ_s f_s·x_s,T``

over unit powers P, backup heat b inside stores, delivered heat y, late work v, missing temperature z and states x with

- ``x_{t+1} = A x_t + heat·q_t + backup·b_t + draw·y_t + loss_gain·l_t + drive_t`` per sink, ``0 ≤ q ≤ Σ capture·P``:
  captured heat that a sink has no room for is dumped;
- ``l_t ≥ slope·x_t + offset`` for each tangent of a loss that grows faster than linear;
- ``observe·x_{t+1} + z_t ≥ lower_t`` and ``observe·x_{t+1} ≤ U_t`` (`limits`: U is the upper limit, and above it where
  a sink that takes no heat may drift above by itself);
- P and the work rate of a unit are a convex combination of its points and of (0, 0), plus power burnt for heat alone;
- the work done is the rate times the step, dealt to classes; per class ``done_t ≤ released_t`` and
  ``done_t + v ≥ due_t``, ``done_T + v ≥ released_T``; sites may have a limit of their electric power.

Every schedule of the twin is a point of this programme that costs no more here than there (so the optimum lies below):

- *fluid work*: the nodes of a unit average to a convex combination of points, and work may be split, paused and moved
  at no cost and no delay; jobs in whole nodes, starts, boots, staging and repeated work are special cases that cost;
- *cumulative curves*: work is released as fast, and due as late, as one node an instance allows (`curves`), but within
  a class any work may stand for any other, so early work for a late deadline also meets an early one; late work is
  charged once per node-second by which the curve falls short, never more than what missed;
- *power*: only what points and burning allow. Whoever lets nodes idle has to give the point (idle power, 0), else heat
  of idling nodes is missing here;
- *heat*: ``capture`` is the best that a unit ever delivers; stores are as well stratified as ``A`` says; heat may be
  dumped in any amount at no cost; losses lie on tangents below the true curve;
- *limits*: the twin takes no heat in a step that would end above ``upper_c``; here it may be taken partly;
- *foresight*: weather, grid, draws and work are all known from the start.

A horizon that is too long to be solved as it is gets its prices from windows, and its proof as a whole (`long`).

The solver is not trusted: `certificate` makes of any multipliers a number that lies below the optimum (weak duality
with finite bounds on every variable; Boyd & Vandenberghe, Convex Optimization, 2004, §5.2), rounding included, and
`repair` makes of any primal point a schedule that keeps every row, whose cost lies above. The optimum lies between.
"""
