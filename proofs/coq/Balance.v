(** Conservation laws of right gradients, one for each change of scale that a layer cannot notice. *)
From mathcomp Require Import all_ssreflect all_algebra.
From Refseq Require Import Cells.

Set Implicit Arguments.
Unset Strict Implicit.
Unset Printing Implicit Defensive.

Import GRing.Theory.
Local Open Scope ring_scope.

Section Features.

(** Any layer that sees its inputs x_t through matrices W_g only; da are the cotangents of the pre-activations. *)
Variables (R : comRingType) (k n T : nat) (G : finType).
Variables (W : G -> 'M[R]_(n, k)) (x : 'I_T -> 'cV[R]_k) (da : 'I_T -> G -> 'cV[R]_n).

Let dW g : 'M_(n, k) := \sum_t da t g *m (x t)^T.
Let dx t : 'cV_k := \sum_g (W g)^T *m da t g.

(** For every feature, the sum of its values times their gradients is the sum of its weights times theirs.
    Code: refseq/checks/properties/balance.py balance_of_features
    Scope: every commutative ring, numbers of features, units and gates, length T, any rows of a batch as more steps *)
Theorem balance_of_features j : \sum_t x t j 0 * dx t j 0 = \sum_g \sum_i W g i j * dW g i j.
Proof.
transitivity (\sum_t \sum_g \sum_i W g i j * (da t g i 0 * x t j 0)).
  apply: eq_bigr => t _; rewrite summxE mulr_sumr; apply: eq_bigr => g _.
  by rewrite mxE mulr_sumr; apply: eq_bigr => i _; rewrite mxE mulrC mulrA.
rewrite exchange_big; apply: eq_bigr => g _; rewrite exchange_big; apply: eq_bigr => i _.
by rewrite summxE mulr_sumr; apply: eq_bigr => t _; rewrite !mxE big_ord1 !mxE.
Qed.

End Features.

Section Units.

(** An Elman network whose activation is homogeneous, f(z) = slope(z) z: relu and the identity. *)
Variables (R : comRingType) (k n : nat) (f slope : R -> R) (W : affine R k n).
Hypothesis homogeneous : forall z, slope z * z = f z.
Variables (x : nat -> 'cV[R]_k) (h0 : 'cV[R]_n) (dy : nat -> 'cV[R]_n) (e : 'cV[R]_n) (T : nat).

Fixpoint state t : 'cV_n := if t is t'.+1 then elman f W (state t') (x t') else h0.

(** The cotangents of the state before step t when j steps are left, and of the pre-activation of step t. *)
Fixpoint cotangent j t : 'cV_n :=
  if j is j'.+1 then
    (W_hh W)^T *m (map_mx slope (pre W (x t) (state t)) ** (dy t + cotangent j' t.+1))
  else e.

Definition dz t : 'cV_n := map_mx slope (pre W (x t) (state t)) ** (dy t + cotangent (T - t.+1) t.+1).

Definition dW_hx : 'M_(n, k) := \sum_(t < T) dz t *m (x t)^T.
Definition dW_hh : 'M_n := \sum_(t < T) dz t *m (state t)^T.
Definition db_h : 'cV_n := \sum_(t < T) dz t.

Lemma row_product m (U : 'M[R]_(n, m)) (v : nat -> 'cV[R]_m) j :
  \sum_l U j l * (\sum_(t < T) dz t *m (v t)^T) j l = \sum_(t < T) dz t j 0 * (U *m v t) j 0.
Proof.
under eq_bigr do rewrite summxE mulr_sumr.
rewrite exchange_big; apply: eq_bigr => t _; move: (dz t) => d; rewrite [(U *m _) _ _]mxE mulr_sumr.
by apply: eq_bigr => l _; rewrite !mxE big_ord1 !mxE mulrCA.
Qed.

(** What flows into a unit, weights times gradients, is what flows out of it.
    Code: refseq/checks/properties/balance.py balance_of_units
    Scope: every commutative ring, relu and identity, numbers of inputs and units, length T *)
Theorem balance_of_units j :
  \sum_l W_hx W j l * dW_hx j l + \sum_l W_hh W j l * dW_hh j l + b_h W j 0 * db_h j 0
    + h0 j 0 * cotangent T 0 j 0
  = \sum_i W_hh W i j * dW_hh i j + \sum_(t < T) state t.+1 j 0 * dy t j 0 + state T j 0 * e j 0.
Proof.
pose flow t := state t j 0 * cotangent (T - t) t j 0.
have inward : \sum_l W_hx W j l * dW_hx j l + \sum_l W_hh W j l * dW_hh j l + b_h W j 0 * db_h j 0
    = \sum_(t < T) state t.+1 j 0 * dy t j 0 + \sum_(t < T) flow t.+1.
  rewrite /dW_hx /dW_hh !row_product /db_h summxE mulr_sumr -!big_split /=; apply: eq_bigr => t _.
  rewrite [b_h W j 0 * _]mulrC -!mulrDr.
  have -> : (W_hx W *m x t) j 0 + (W_hh W *m state t) j 0 + b_h W j 0 = pre W (x t) (state t) j 0 by rewrite !mxE.
  rewrite /dz /= /elman; move: (pre _ _ _) (cotangent _ _) => z d.
  by rewrite !mxE -homogeneous mulrAC.
have outward : \sum_i W_hh W i j * dW_hh i j = \sum_(t < T) flow t.
  under eq_bigr do rewrite summxE mulr_sumr.
  rewrite exchange_big; apply: eq_bigr => t _; rewrite /flow -(subnSK (ltn_ord t)) /= mxE mulr_sumr.
  by apply: eq_bigr => i _; rewrite !mxE big_ord1 !mxE mulrA mulrC.
have ends : flow 0%N + \sum_(t < T) flow t.+1 = \sum_(t < T) flow t + flow T.
  by transitivity (\sum_(t < T.+1) flow t); [rewrite big_ord_recl | rewrite big_ord_recr].
rewrite inward outward -addrA [_ + h0 j 0 * _]addrC.
have -> : h0 j 0 * cotangent T 0 j 0 = flow 0%N by rewrite /flow subn0.
by rewrite ends addrCA addrA /flow subnn.
Qed.

End Units.
