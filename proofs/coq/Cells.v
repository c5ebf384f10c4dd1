(** Recurrences of the catalogue, as formulas on vectors: what refseq/cells computes, with functions of any kind for the
    activations. Vectors are columns; a whole sequence is [foldl step state inputs]. *)
From mathcomp Require Import all_ssreflect all_algebra.

Set Implicit Arguments.
Unset Strict Implicit.
Unset Printing Implicit Defensive.

Import GRing.Theory.
Local Open Scope ring_scope.

(** The product of two vectors, entry by entry. *)
Definition entrywise (R : ringType) (m n : nat) (a b : 'M[R]_(m, n)) : 'M_(m, n) := \matrix_(i, j) (a i j * b i j).
Notation "a ** b" := (entrywise a b) (at level 40, left associativity) : ring_scope.

Section Entrywise.

Variables (R : ringType) (n : nat).
Implicit Types a b : 'cV[R]_n.

Lemma mul1v a : const_mx 1 ** a = a.
Proof. by apply/matrixP => i j; rewrite !mxE mul1r. Qed.

Lemma mul0v a : 0 ** a = 0.
Proof. by apply/matrixP => i j; rewrite !mxE mul0r. Qed.

Lemma mulv0 a : a ** 0 = 0.
Proof. by apply/matrixP => i j; rewrite !mxE mulr0. Qed.

End Entrywise.

Section Cells.

(** k inputs, n units. *)
Variables (R : ringType) (k n : nat).
Implicit Types (x : 'cV[R]_k) (h c : 'cV[R]_n).

(** W_hx, W_hh and b_h of one gate, and its pre-activation. *)
Record affine := Affine { W_hx : 'M[R]_(n, k); W_hh : 'M[R]_n; b_h : 'cV[R]_n }.

Definition pre (W : affine) x h : 'cV_n := W_hx W *m x + W_hh W *m h + b_h W.

(** refseq/cells/elman.py *)
Definition elman (f : R -> R) (W : affine) h x : 'cV_n := map_mx f (pre W x h).

(** refseq/cells/readout.py: a layer that is not recurrent. *)
Definition feed_forward (f : R -> R) (W : affine) x : 'cV_n := map_mx f (W_hx W *m x + b_h W).

(** refseq/cells/additive.py *)
Definition additive (f : R -> R) (W : affine) h x : 'cV_n := h + feed_forward f W x.

(** refseq/cells/leaky.py; mu may differ from unit to unit. *)
Definition leaky (f : R -> R) (W : affine) (mu : 'cV_n) h x : 'cV_n := mu ** h + (const_mx 1 - mu) ** elman f W h x.

(** refseq/cells/gru.py: the last line, and the candidate in its two forms. *)
Definition update (z cand h : 'cV[R]_n) : 'cV_n := z ** h + (const_mx 1 - z) ** cand.

Definition gru_before (s f : R -> R) (r z cand : affine) h x : 'cV_n :=
  update (elman s z h x) (elman f cand (elman s r h x ** h) x) h.

Definition gru_after (s f : R -> R) (r z cand : affine) (b_hn h : 'cV_n) x : 'cV_n :=
  update (elman s z h x) (map_mx f (W_hx cand *m x + b_h cand + elman s r h x ** (W_hh cand *m h + b_hn))) h.

(** refseq/cells/lstm_memory.py: remember and emit, from the values of the gates; the state is (h, c). *)
Definition lstm_step (i f g o : 'cV[R]_n) (psi : R -> R) c : 'cV[R]_n * 'cV[R]_n :=
  let c1 := f ** c + i ** g in (o ** map_mx psi c1, c1).

Record gates := Gates { in_ : affine; forget : affine; candidate : affine; out : affine }.

Definition lstm (s f psi : R -> R) (W : gates) (state : 'cV_n * 'cV_n) x :=
  let: (h, c) := state in
  lstm_step (elman s (in_ W) h x) (elman s (forget W) h x) (elman f (candidate W) h x) (elman s (out W) h x) psi c.

Definition lstm_no_forget (s f psi : R -> R) (W : gates) (state : 'cV_n * 'cV_n) x :=
  let: (h, c) := state in
  lstm_step (elman s (in_ W) h x) (const_mx 1) (elman f (candidate W) h x) (elman s (out W) h x) psi c.

Definition lstm_coupled (s f psi : R -> R) (W : gates) (state : 'cV_n * 'cV_n) x :=
  let: (h, c) := state in
  let open := elman s (forget W) h x in
  lstm_step (const_mx 1 - open) open (elman f (candidate W) h x) (elman s (out W) h x) psi c.

End Cells.
