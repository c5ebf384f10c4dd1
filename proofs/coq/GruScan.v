(** The GRU with the reset gate before the recurrent product, which has two stages: its backward pass through a whole
    sequence, as the program writes it, computes the derivative of the loss. *)
From mathcomp Require Import all_ssreflect all_algebra.
From Refseq Require Import Calculus Velocity Units Cells.

Set Implicit Arguments.
Unset Strict Implicit.
Unset Printing Implicit Defensive.

Import GRing.Theory.
Local Open Scope ring_scope.

Section Entrywise.

Variables (F : realFieldType) (n : nat).

(** The two stages of the cell, as vectors: what Units has for one unit. *)
Lemma update_pulled (d sz az h z h' c sc ac : 'cV[F]_n) :
  dot d (sz ** az ** h + z ** h' + (- (sz ** az) ** c + (const_mx 1 - z) ** (sc ** ac)))
  = dot (d ** (h - c) ** sz) az + dot (d ** (const_mx 1 - z) ** sc) ac + dot (d ** z) h'.
Proof.
rewrite !dot_vector -!big_split; apply: eq_bigr => j _; rewrite /= !mxE.
exact: (update_identity (field_laws F)).
Qed.

Lemma reset_pulled (d sr ar h r h' : 'cV[F]_n) :
  dot d (sr ** ar ** h + r ** h') = dot (d ** h ** sr) ar + dot (d ** r) h'.
Proof.
rewrite !dot_vector -big_split; apply: eq_bigr => j _; rewrite /= !mxE.
exact: (reset_identity (field_laws F)).
Qed.

Lemma velocity_entrywise (u v : F -> 'cV[F]_n) du dv :
  velocity u du -> velocity v dv -> velocity (fun q => u q ** v q) (du ** v 0 + u 0 ** dv).
Proof.
move=> mu mv i j; rewrite !mxE.
by apply: derivative_ext (derivative_mul (mu i j) (mv i j)) => q; rewrite mxE.
Qed.

Lemma velocity_map f slope (a : F -> 'cV[F]_n) da : (forall z, sloped f slope z) -> velocity a da ->
  velocity (fun q => map_mx f (a q)) (map_mx slope (map_mx f (a 0)) ** da).
Proof.
move=> sf ma i j; rewrite !mxE.
by apply: derivative_ext (moved (sf (a 0 i j)) (ma i j)) => q; rewrite mxE.
Qed.

Lemma velocity_complement (a : F -> 'cV[F]_n) da : velocity a da -> velocity (fun q => const_mx 1 - a q) (- da).
Proof.
by move=> ma i j; rewrite mxE; apply: derivative_ext (opposite (ma i j)) => q; rewrite !mxE.
Qed.

End Entrywise.

Section Affine.

Variables (F : realFieldType) (k n : nat).

(** Curves of parameters; of a pre-activation; and what the step's use of them contributes to the derivative. *)
Definition moves (W : F -> affine F k n) (W' : affine F k n) : Prop :=
  [/\ velocity (fun r => W_hx (W r)) (W_hx W'), velocity (fun r => W_hh (W r)) (W_hh W')
    & velocity (fun r => b_h (W r)) (b_h W')].

Definition pre' (W W' : affine F k n) x x' h h' : 'cV_n :=
  W_hx W' *m x + W_hx W *m x' + (W_hh W' *m h + W_hh W *m h') + b_h W'.

Definition contribution (da : 'cV[F]_n) (W W' : affine F k n) x x' h : F :=
  dot (da *m x^T) (W_hx W') + dot (da *m h^T) (W_hh W') + dot da (b_h W') + dot ((W_hx W)^T *m da) x'.

Lemma pre_moves W W' x x' h h' : moves W W' -> velocity x x' -> velocity h h' ->
  velocity (fun r => pre (W r) (x r) (h r)) (pre' (W 0) W' (x 0) x' (h 0) h').
Proof.
case=> m_hx m_hh m_b mx mh; apply: velocity_add m_b.
by apply: velocity_add; [apply: velocity_mul m_hx mx | apply: velocity_mul m_hh mh].
Qed.

Lemma dot_pre' da W W' x x' h h' :
  dot da (pre' W W' x x' h h') = contribution da W W' x x' h + dot ((W_hh W)^T *m da) h'.
Proof.
rewrite /pre' /contribution !dotD -!dot_operand !dot_matrix.
by rewrite [LHS]((@GRing.add F).[AC (2*2*1) ((1*3*5*2)*4)]).
Qed.

End Affine.

Section Gru.

Variables (F : realFieldType) (k n : nat) (s slope_s f slope_f : F -> F).
Hypotheses (gate_sloped : forall a, sloped s slope_s a) (candidate_sloped : forall a, sloped f slope_f a).

Section Step.

(** A step at a point, and its adjoint for the cotangent d of the new state. *)
Variables (r z c : affine F k n) (x : 'cV[F]_k) (h d : 'cV[F]_n).

Let R := elman s r h x.
Let Z := elman s z h x.
Let N := elman f c (R ** h) x.

Definition da_z : 'cV_n := d ** (h - N) ** map_mx slope_s Z.
Definition da_n : 'cV_n := d ** (const_mx 1 - Z) ** map_mx slope_f N.
Definition dv : 'cV_n := (W_hh c)^T *m da_n.
Definition da_r : 'cV_n := dv ** h ** map_mx slope_s R.
Definition dh : 'cV_n := d ** Z + dv ** R + (W_hh z)^T *m da_z + (W_hh r)^T *m da_r.

End Step.

Variables (r z c : F -> affine F k n) (x : F -> nat -> 'cV[F]_k) (h0 : F -> 'cV[F]_n).
Variables (r' z' c' : affine F k n) (x' : nat -> 'cV[F]_k) (h0' : 'cV[F]_n).
Hypotheses (m_r : moves r r') (m_z : moves z z') (m_c : moves c c').
Hypotheses (m_x : forall t, velocity (fun q => x q t) (x' t)) (m_h0 : velocity h0 h0').

Fixpoint state q t : 'cV_n := if t is t'.+1 then gru_before s f (r q) (z q) (c q) (state q t') (x q t') else h0 q.

(** What step t contributes, d being the cotangent of the state after it. *)
Definition used t d : F :=
  let: (h, y) := (state 0 t, x 0 t) in
  contribution (da_z (r 0) (z 0) (c 0) y h d) (z 0) z' y (x' t) h
  + contribution (da_n (r 0) (z 0) (c 0) y h d) (c 0) c' y (x' t) (elman s (r 0) h y ** h)
  + contribution (da_r (r 0) (z 0) (c 0) y h d) (r 0) r' y (x' t) h.

Lemma step_pulled t h' : velocity (fun q => state q t) h' ->
  exists2 h1', velocity (fun q => state q t.+1) h1' &
    forall d, dot d h1' = dot (dh (r 0) (z 0) (c 0) (x 0 t) (state 0 t) d) h' + used t d.
Proof.
move=> mh; have mR := velocity_map gate_sloped (pre_moves m_r (m_x t) mh).
have mZ := velocity_map gate_sloped (pre_moves m_z (m_x t) mh).
have mv := velocity_entrywise mR mh.
have mN := velocity_map candidate_sloped (pre_moves m_c (m_x t) mv).
have mh1 := velocity_add (velocity_entrywise mZ mh) (velocity_entrywise (velocity_complement mZ) mN).
eexists; first exact: mh1.
move=> d; rewrite update_pulled !dot_pre' reset_pulled dot_pre' /used /dh !dotDl.
by rewrite [LHS]((@GRing.add F).[AC (2*(1*(2*1))*1) ((7*6*2*5)*(1*3*4))]).
Qed.

Variables (dy : nat -> 'cV[F]_n) (e : 'cV[F]_n).

(** The cotangent of the state before step t when j steps are left, and that of the state after step t of T. *)
Fixpoint cotangent j t : 'cV_n :=
  if j is j'.+1 then dh (r 0) (z 0) (c 0) (x 0 t) (state 0 t) (cotangent j' t.+1 + dy t) else e.

Definition after T t : 'cV_n := cotangent (T - t.+1) t.+1 + dy t.

(** BPTT through the GRU with the reset gate before the product computes the derivative of the loss sum(dy h) + e h_T.
    Step t contributes, for each gate, da x^T to W_hx, da times its operand (h, and r h for the candidate) to W_hh, da to
    b_h, and W_hx^T da to x_t.
    Code: refseq/cells/gru.py apply_reset_backward, update_backward; refseq/scan.py backward_row, gradient_row
    Scope: every ordered field (the real numbers), activations differentiable everywhere, numbers of inputs and units, T *)
Theorem gru_scan_is_derivative T :
  derivative (fun q => \sum_(t < T) dot (dy t) (state q t.+1) + dot e (state q T))
    (dot (cotangent T 0) h0' + \sum_(t < T) used t (after T t)).
Proof.
have through t : (t <= T)%N -> exists h' l, [/\ velocity (fun q => state q t) h',
    derivative (fun q => \sum_(i < t) dot (dy i) (state q i.+1)) l &
    l + dot (cotangent (T - t) t) h' = dot (cotangent T 0) h0' + \sum_(i < t) used i (after T i)].
  elim: t => [|t IH] below.
    exists h0', 0; split=> //; last by rewrite big_ord0 addr0 add0r subn0.
    by apply: derivative_ext (derivative_const 0) => q; rewrite big_ord0.
  have [h' [l [mh ml sum]]] := IH (ltnW below); have [h1' mh1 step] := step_pulled mh.
  exists h1', (l + dot (dy t) h1'); split=> //.
    apply: derivative_ext (derivative_add ml (derivative_dot (dy t) mh1)) => q.
    by rewrite big_ord_recr.
  rewrite big_ord_recr /= addrA -sum -addrA -dotDl [dy t + _]addrC step addrA.
  by rewrite -(subnSK below).
have [h' [l [mh ml sum]]] := through T (leqnn T).
rewrite -sum subnn; exact: derivative_add ml (derivative_dot e mh).
Qed.

End Gru.
