(** Forward mode and BPTT compute derivatives: those of analysis, by limits. *)
From mathcomp Require Import all_ssreflect all_algebra.
From Refseq Require Import Linear Calculus Velocity.

Set Implicit Arguments.
Unset Strict Implicit.
Unset Printing Implicit Defensive.

Import GRing.Theory Num.Theory.
Local Open Scope ring_scope.

Section Derivative.

Variables (F : realFieldType) (n m p : nat).

(** Step t of any recurrence: the next state and the output, made of a state and of what the step uses. *)
Variables (step : nat -> 'cV[F]_n -> 'cV[F]_p -> 'cV[F]_n) (out : nat -> 'cV[F]_n -> 'cV[F]_p -> 'cV[F]_m).

Fixpoint state (u : nat -> 'cV[F]_p) s0 t := if t is t'.+1 then step t' (state u s0 t') (u t') else s0.

(** f has the partial derivatives A and B at (s, u): along every curve through that point, f moves by A ds + B du. *)
Definition differentiable k (f : 'cV[F]_n -> 'cV[F]_p -> 'cV[F]_k) s u (A : 'M_(k, n)) (B : 'M_(k, p)) : Prop :=
  forall (cs : F -> 'cV_n) (cu : F -> 'cV_p) ds du, cs 0 = s -> cu 0 = u -> velocity cs ds -> velocity cu du ->
  velocity (fun r => f (cs r) (cu r)) (A *m ds + B *m du).

(** A curve through initial states and uses. What the steps do at other points than those of the run at r = 0 does not
    matter: relu may have its kink elsewhere. *)
Variables (S : steps F n m p) (u : F -> nat -> 'cV[F]_p) (s0 : F -> 'cV[F]_n) (du : nat -> 'cV[F]_p) (ds0 : 'cV[F]_n).
Hypothesis u_moves : forall t, velocity (fun r => u r t) (du t).
Hypothesis s0_moves : velocity s0 ds0.
Hypothesis steps_differentiable : forall t, differentiable (step t) (state (u 0) (s0 0) t) (u 0 t) (A S t) (B S t).
Hypothesis outputs_differentiable : forall t, differentiable (out t) (state (u 0) (s0 0) t) (u 0 t) (C S t) (D S t).

(** Forward mode computes the derivatives of all states and outputs along the curve.
    Code: refseq/gradients/forward_mode.py jvp
    Scope: every ordered field (the real numbers), steps differentiable where they are used, sizes n, m, p, time t *)
Theorem forward_mode_is_derivative t :
  velocity (fun r => state (u r) (s0 r) t) (tangent S du ds0 t)
  /\ velocity (fun r => out t (state (u r) (s0 r) t) (u r t)) (output S du ds0 t).
Proof.
have states : velocity (fun r => state (u r) (s0 r) t) (tangent S du ds0 t).
  by elim: t => [|t IH] //=; apply: (steps_differentiable (cs := fun r => state (u r) (s0 r) t)).
by split=> //; apply: (outputs_differentiable (cs := fun r => state (u r) (s0 r) t)).
Qed.

(** BPTT computes the derivative of the loss sum(dy_t y_t) + e s_T along every curve: the gradient times the direction.
    By uniqueness it is the gradient.
    Code: refseq/scan.py backward_row, gradient_row; refseq/layer.py Layer.backward
    Scope: every ordered field (the real numbers), steps differentiable where they are used, sizes n, m, p, length T *)
Theorem bptt_is_derivative (dy : nat -> 'rV_m) e T :
  velocity (fun r => \sum_(t < T) dy t *m out t (state (u r) (s0 r) t) (u r t) + e *m state (u r) (s0 r) T)
           (cotangent S dy e T 0 *m ds0 + \sum_(t < T) gradient S dy e T t *m du t).
Proof.
rewrite -vjp_is_adjoint_of_jvp.
have linear k (g : 'rV_k) (v : F -> 'cV_k) dv : velocity v dv -> velocity (fun r => g *m v r) (g *m dv).
  by move=> /(velocity_mul (velocity_const g)); rewrite mul0mx add0r.
apply: velocity_add; last by apply: linear; case: (forward_mode_is_derivative T).
by apply: velocity_sum => t; apply: linear; case: (forward_mode_is_derivative t).
Qed.

End Derivative.
