(** The scan of any cell with one stage, affine maps and then a function of every unit: its backward pass, written out
    as the program writes it, computes the derivative of the loss.

    Gates, states and per-unit parameters are named by the elements of finite types G, S and P; one of the states, h, is
    the operand of the recurrent matrices and the output. Elman, leaky, LSTM (also without forget gate, coupled, with
    diagonal peepholes) and the GRU with the reset gate after the product are such cells. *)
From mathcomp Require Import all_ssreflect all_algebra.
From Refseq Require Import Calculus Velocity.

Set Implicit Arguments.
Unset Strict Implicit.
Unset Printing Implicit Defensive.

Import GRing.Theory Num.Theory.
Local Open Scope ring_scope.

(** What the adjoint of a unit answers: cotangents of its pre-activations, old states and parameters. *)
Record pulled (F G S P : Type) := Pulled { to_gates : G -> F; to_states : S -> F; to_params : P -> F }.

Section Scan.

Variables (F : realFieldType) (k n : nat) (G S P : finType) (h : S).

(** What one unit computes from its pre-activations, old states and parameters, and what its adjoint makes of the
    cotangents of its new states. *)
Variable cell : (G -> F) -> (S -> F) -> (P -> F) -> S -> F.
Variable back : (G -> F) -> (S -> F) -> (P -> F) -> (S -> F) -> pulled F G S P.

(** The adjoint is right at a point: along every curve through it, the cotangents move by what it says. *)
Definition right_at a s p : Prop := forall (ca : G -> F -> F) (cs : S -> F -> F) (cp : P -> F -> F) da ds dp,
  (forall g, ca g 0 = a g) -> (forall i, cs i 0 = s i) -> (forall q, cp q 0 = p q) ->
  (forall g, derivative (ca g) (da g)) -> (forall i, derivative (cs i) (ds i)) ->
  (forall q, derivative (cp q) (dp q)) -> forall d : S -> F,
  derivative (fun r => \sum_i d i * cell (ca^~ r) (cs^~ r) (cp^~ r) i)
    (\sum_g to_gates (back a s p d) g * da g + \sum_i to_states (back a s p d) i * ds i
     + \sum_q to_params (back a s p d) q * dp q).

(** The matrices and the bias of every gate, and the parameters of the units. *)
Record parameters := Parameters {
  W_hx : G -> 'M[F]_(n, k);
  W_hh : G -> 'M[F]_n;
  b_h : G -> 'cV[F]_n;
  own : P -> 'cV[F]_n
}.

Definition at_unit (I : Type) (v : I -> 'cV[F]_n) j : I -> F := fun i => v i j 0.

Definition gates theta x (s : S -> 'cV[F]_n) g : 'cV_n := W_hx theta g *m x + W_hh theta g *m s h + b_h theta g.

Definition step theta x s i : 'cV[F]_n :=
  \col_j cell (at_unit (gates theta x s) j) (at_unit s j) (at_unit (own theta) j) i.

Fixpoint state theta (x : nat -> 'cV[F]_k) s0 t : S -> 'cV[F]_n :=
  if t is t'.+1 then step theta (x t') (state theta x s0 t') else s0.

Definition loss (dy : nat -> 'cV[F]_n) (e : S -> 'cV[F]_n) T theta x s0 : F :=
  \sum_(t < T) dot (dy t) (state theta x s0 t.+1 h) + \sum_i dot (e i) (state theta x s0 T i).

Section Backward.

(** A run, and the cotangents of its outputs and of its final state. *)
Variables (theta : parameters) (x : nat -> 'cV[F]_k) (s0 : S -> 'cV[F]_n) (dy : nat -> 'cV[F]_n) (e : S -> 'cV[F]_n).

(** The adjoint of step t in unit j, for the cotangents ds of the state after it, to which dy_t is added. *)
Definition pull t (ds : S -> 'cV[F]_n) j : pulled F G S P :=
  let s := state theta x s0 t in
  back (at_unit (gates theta (x t) s) j) (at_unit s j) (at_unit (own theta) j)
       (at_unit (fun i => ds i + (i == h)%:R *: dy t) j).

Definition da t ds g : 'cV[F]_n := \col_j to_gates (pull t ds j) g.
Definition dp t ds q : 'cV[F]_n := \col_j to_params (pull t ds j) q.
Definition dx t ds : 'cV[F]_k := \sum_g (W_hx theta g)^T *m da t ds g.
Definition before t ds i : 'cV[F]_n :=
  \col_j to_states (pull t ds j) i + (i == h)%:R *: \sum_g (W_hh theta g)^T *m da t ds g.

(** The cotangent of the state before step t when j steps are left. *)
Fixpoint cotangent j t : S -> 'cV[F]_n := if j is j'.+1 then before t (cotangent j' t.+1) else e.

(** That of the state after step t of T. *)
Definition after T t := cotangent (T - t.+1) t.+1.

Definition dW_hx T g : 'M_(n, k) := \sum_(t < T) da t (after T t) g *m (x t)^T.
Definition dW_hh T g : 'M_n := \sum_(t < T) da t (after T t) g *m (state theta x s0 t h)^T.
Definition db_h T g : 'cV_n := \sum_(t < T) da t (after T t) g.
Definition d_own T q : 'cV_n := \sum_(t < T) dp t (after T t) q.

End Backward.

Section Curve.

(** A direction through parameters, inputs and initial states, and curves that move along it. *)
Variables (theta : F -> parameters) (x : F -> nat -> 'cV[F]_k) (s0 : F -> S -> 'cV[F]_n).
Variables (theta' : parameters) (x' : nat -> 'cV[F]_k) (s0' : S -> 'cV[F]_n).
Hypothesis W_hx_moves : forall g, velocity (fun r => W_hx (theta r) g) (W_hx theta' g).
Hypothesis W_hh_moves : forall g, velocity (fun r => W_hh (theta r) g) (W_hh theta' g).
Hypothesis b_h_moves : forall g, velocity (fun r => b_h (theta r) g) (b_h theta' g).
Hypothesis own_moves : forall q, velocity (fun r => own (theta r) q) (own theta' q).
Hypothesis x_moves : forall t, velocity (fun r => x r t) (x' t).
Hypothesis s0_moves : forall i, velocity (fun r => s0 r i) (s0' i).

Let s t := state (theta 0) (x 0) (s0 0) t.
Let curve t i r := state (theta r) (x r) (s0 r) t i.

(** The cell's adjoint is right wherever the run at r = 0 comes. *)
Hypothesis right : forall t j,
  right_at (at_unit (gates (theta 0) (x 0 t) (s t)) j) (at_unit (s t) j) (at_unit (own (theta 0)) j).

Definition gates' t (s' : S -> 'cV[F]_n) g : 'cV_n :=
  W_hx theta' g *m x 0 t + W_hx (theta 0) g *m x' t
  + (W_hh theta' g *m s t h + W_hh (theta 0) g *m s' h) + b_h theta' g.

Lemma gates_move t s' g : (forall i, velocity (curve t i) (s' i)) ->
  velocity (fun r => gates (theta r) (x r t) (state (theta r) (x r) (s0 r) t) g) (gates' t s' g).
Proof.
move=> ms; apply: velocity_add (b_h_moves g); apply: velocity_add.
  exact: velocity_mul (W_hx_moves g) (x_moves t).
exact: (velocity_mul (V := curve t h)) (W_hh_moves g) (ms h).
Qed.

Lemma step_moves t s' : (forall i, velocity (curve t i) (s' i)) ->
  exists s1', (forall i, velocity (curve t.+1 i) (s1' i)) /\
    forall dy ds (d := fun i => ds i + (i == h)%:R *: dy t),
    \sum_i dot (d i) (s1' i)
    = \sum_g dot (da (theta 0) (x 0) (s0 0) dy t ds g) (gates' t s' g)
      + \sum_i dot (\col_j to_states (pull (theta 0) (x 0) (s0 0) dy t ds j) i) (s' i)
      + \sum_q dot (dp (theta 0) (x 0) (s0 0) dy t ds q) (own theta' q).
Proof.
move=> ms; pose moved j d := let a := back (at_unit (gates (theta 0) (x 0 t) (s t)) j) (at_unit (s t) j)
    (at_unit (own (theta 0)) j) d in
  \sum_g to_gates a g * gates' t s' g j 0 + \sum_i to_states a i * s' i j 0 + \sum_q to_params a q * own theta' q j 0.
have units j d : derivative (fun r => \sum_i d i * curve t.+1 i r j 0) (moved j d).
  have := @right t j (fun g r => gates (theta r) (x r t) (state (theta r) (x r) (s0 r) t) g j 0)
    (fun i r => curve t i r j 0) (fun q r => own (theta r) q j 0) _ _ _ (fun=> erefl) (fun=> erefl) (fun=> erefl)
    (fun g => gates_move g ms j 0) (fun i => ms i j 0) (fun q => own_moves q j 0) d.
  by apply: derivative_ext => r; apply: eq_bigr => i _; rewrite /curve /= mxE.
have units1 i j : derivative (fun r => curve t.+1 i r j 0) (moved j (fun l => (l == i)%:R)).
  apply: derivative_ext (units j (fun l => (l == i)%:R)) => r.
  by rewrite (bigD1 i) //= eqxx mul1r big1 ?addr0 // => l /negPf ->; rewrite mul0r.
exists (fun i => \col_j moved j (fun l => (l == i)%:R)); split=> [i j l|dy ds d].
  by rewrite ord1 mxE.
transitivity (\sum_j moved j (at_unit d j)).
  under eq_bigr do rewrite dot_vector.
  rewrite exchange_big /=; apply: eq_bigr => j _; under eq_bigr do rewrite mxE.
  have total := derivative_sum (index_enum S) (fun i => derivative_scale (at_unit d j i) (units1 i j)).
  exact: derivative_unique total (units j _).
rewrite !big_split /=; congr (_ + _ + _); rewrite exchange_big /=; apply: eq_bigr => i _;
  by rewrite dot_vector; apply: eq_bigr => j _; congr (_ * _); rewrite mxE.
Qed.

Let da0 := da (theta 0) (x 0) (s0 0).
Let dp0 := dp (theta 0) (x 0) (s0 0).
Let dx0 := dx (theta 0) (x 0) (s0 0).
Let before0 := before (theta 0) (x 0) (s0 0).

(** What step t contributes to the derivative by what it uses. *)
Definition contribution dy t ds : F :=
  \sum_g dot (da0 dy t ds g *m (x 0 t)^T) (W_hx theta' g) + \sum_g dot (da0 dy t ds g *m (s t h)^T) (W_hh theta' g)
  + \sum_g dot (da0 dy t ds g) (b_h theta' g) + \sum_q dot (dp0 dy t ds q) (own theta' q)
  + dot (dx0 dy t ds) (x' t).

Lemma step_pulled t s' : (forall i, velocity (curve t i) (s' i)) ->
  exists s1', (forall i, velocity (curve t.+1 i) (s1' i)) /\
    forall dy ds, \sum_i dot (ds i) (s1' i) + dot (dy t) (s1' h)
                  = \sum_i dot (before0 dy t ds i) (s' i) + contribution dy t ds.
Proof.
move=> /step_moves[s1' [ms1 adjoint]]; exists s1'; split=> // dy ds.
have /= := adjoint dy ds; under eq_bigr do rewrite dotDl.
rewrite big_split /= dot_one -/da0 -/dp0 => ->.
have gates_part g : dot (da0 dy t ds g) (gates' t s' g)
    = dot (da0 dy t ds g *m (x 0 t)^T) (W_hx theta' g) + dot ((W_hx (theta 0) g)^T *m da0 dy t ds g) (x' t)
      + (dot (da0 dy t ds g *m (s t h)^T) (W_hh theta' g) + dot ((W_hh (theta 0) g)^T *m da0 dy t ds g) (s' h))
      + dot (da0 dy t ds g) (b_h theta' g).
  by rewrite !dotD !dot_matrix -!dot_operand !dot_matrix.
have before_part : \sum_i dot (before0 dy t ds i) (s' i)
    = \sum_i dot (\col_j to_states (pull (theta 0) (x 0) (s0 0) dy t ds j) i) (s' i)
      + \sum_g dot ((W_hh (theta 0) g)^T *m da0 dy t ds g) (s' h).
  by under eq_bigr do rewrite /before0 /before dotDl; rewrite big_split /= dot_one dot_sum.
rewrite before_part (eq_bigr _ (fun g _ => gates_part g)) !big_split /= /contribution dot_sum.
by rewrite [LHS]((@GRing.add F).[AC (2*2*1*1*1) ((6*4)*(1*3*5*7*2))]).
Qed.

(** The backward pass of the scan computes the derivative of the loss sum(dy h) + sum(e s_T) in every parameter, input
    and initial state, for every cell whose own adjoint is right.
    Code: refseq/scan.py backward_row, gradient_row; refseq/step.py build_step; refseq/linear.py add_outer_rows
    Scope: every ordered field (the real numbers), cell of one stage, numbers of inputs, units, gates and states, T *)
Theorem scan_is_derivative dy e T :
  derivative (fun r => loss dy e T (theta r) (x r) (s0 r))
    (\sum_i dot (cotangent (theta 0) (x 0) (s0 0) dy e T 0 i) (s0' i)
     + \sum_g dot (dW_hx (theta 0) (x 0) (s0 0) dy e T g) (W_hx theta' g)
     + \sum_g dot (dW_hh (theta 0) (x 0) (s0 0) dy e T g) (W_hh theta' g)
     + \sum_g dot (db_h (theta 0) (x 0) (s0 0) dy e T g) (b_h theta' g)
     + \sum_q dot (d_own (theta 0) (x 0) (s0 0) dy e T q) (own theta' q)
     + \sum_(t < T) dot (dx (theta 0) (x 0) (s0 0) dy t (after (theta 0) (x 0) (s0 0) dy e T t)) (x' t)).
Proof.
set ds := after (theta 0) (x 0) (s0 0) dy e T.
pose cot t := cotangent (theta 0) (x 0) (s0 0) dy e (T - t) t.
have through t : (t <= T)%N -> exists s' l, [/\ forall i, velocity (curve t i) (s' i),
    derivative (fun r => \sum_(t' < t) dot (dy t') (curve t'.+1 h r)) l &
    l + \sum_i dot (cot t i) (s' i) = \sum_i dot (cot 0%N i) (s0' i) + \sum_(t' < t) contribution dy t' (ds t')].
  elim: t => [|t IH] below.
    exists s0', 0; split=> //; last by rewrite big_ord0 addr0 add0r.
    by apply: derivative_ext (derivative_const 0) => r; rewrite big_ord0.
  have [s' [l [ms ml sum]]] := IH (ltnW below); have [s1' [ms1 step]] := step_pulled ms.
  exists s1', (l + dot (dy t) (s1' h)); split=> //.
    apply: derivative_ext (derivative_add ml (derivative_dot (dy t) (ms1 h))) => r.
    by rewrite big_ord_recr.
  rewrite big_ord_recr /= addrA -sum -addrA [dot _ _ + _]addrC step addrA; congr (_ + _ + _).
  by rewrite /cot -(subnSK below).
have [s' [l [ms ml sum]]] := through T (leqnn T).
have end_moves i : derivative (fun r => dot (e i) (curve T i r)) (dot (e i) (s' i)) by apply: derivative_dot.
have := derivative_add ml (derivative_sum (index_enum S) end_moves).
move: sum; rewrite {1}/cot subnn /= => ->; rewrite /cot subn0 /contribution !big_split /=.
have swap (I : finType) a b (A : 'I_T -> I -> 'M[F]_(a, b)) B :
    \sum_t \sum_i dot (A t i) (B i) = \sum_i dot (\sum_t A t i) (B i).
  by rewrite exchange_big; apply: eq_bigr => i _; rewrite dot_sum.
by rewrite !swap !addrA.
Qed.

End Curve.

End Scan.
