(** Hidden units have no names: permuted parameters give a permuted run, and permuted gradients. *)
From mathcomp Require Import all_ssreflect all_algebra perm.
From Refseq Require Import Linear Cells.

Set Implicit Arguments.
Unset Strict Implicit.
Unset Printing Implicit Defensive.

Import GRing.Theory.
Local Open Scope ring_scope.

Section Permutation.

Variables (R : ringType) (k n : nat) (pi : 'S_n).

(** The units of a vector, of the rows of W_hx and of the rows and columns of W_hh in the other order. *)
Definition relabel m (v : 'M[R]_(n, m)) : 'M_(n, m) := row_perm pi v.
Definition relabelled (W : affine R k n) : affine R k n :=
  Affine (relabel (W_hx W)) (row_perm pi (col_perm pi (W_hh W))) (relabel (b_h W)).

Lemma relabel_mul (U : 'M[R]_n) (v : 'cV[R]_n) : row_perm pi (col_perm pi U) *m relabel v = relabel (U *m v).
Proof.
apply/matrixP => i j; rewrite !mxE [RHS](reindex_inj (@perm_inj _ pi)) /=.
by apply: eq_bigr => l _; rewrite !mxE.
Qed.

Lemma relabel_add m (u v : 'M[R]_(n, m)) : relabel (u + v) = relabel u + relabel v.
Proof. by apply/matrixP => i j; rewrite !mxE. Qed.

Lemma relabel_entrywise (u v : 'cV[R]_n) : relabel (u ** v) = relabel u ** relabel v.
Proof. by apply/matrixP => i j; rewrite !mxE. Qed.

Lemma relabel_const m a : relabel (const_mx a : 'M[R]_(n, m)) = const_mx a.
Proof. by apply/matrixP => i j; rewrite !mxE. Qed.

Lemma relabel_map m (f : R -> R) (v : 'M[R]_(n, m)) : relabel (map_mx f v) = map_mx f (relabel v).
Proof. by apply/matrixP => i j; rewrite !mxE. Qed.

Lemma relabel_input (U : 'M[R]_(n, k)) x : relabel U *m x = relabel (U *m x) :> 'cV_n.
Proof. by apply/matrixP => i j; rewrite !mxE; apply: eq_bigr => l _; rewrite !mxE. Qed.

Lemma relabel_sub m (u v : 'M[R]_(n, m)) : relabel (u - v) = relabel u - relabel v.
Proof. by apply/matrixP => i j; rewrite !mxE. Qed.

Definition relabelE := (relabel_entrywise, relabel_sub, relabel_add, relabel_const, relabel_map).

Lemma relabel_elman (f : R -> R) W h (x : 'cV_k) : elman f (relabelled W) (relabel h) x = relabel (elman f W h x).
Proof. by rewrite /elman /pre /= relabel_mul relabel_input !relabelE. Qed.

(** Permuting the units of the parameters and of the initial state of an Elman network permutes the units of its states,
    through a whole sequence.
    Code: refseq/checks/properties/symmetry.py hidden_permutation; refseq/cells/elman.py build
    Scope: every ring, unitwise function, permutation, numbers of inputs and units, length T *)
Theorem elman_is_equivariant f W h (xs : seq 'cV[R]_k) :
  foldl (elman f (relabelled W)) (relabel h) xs = relabel (foldl (elman f W) h xs).
Proof. by elim: xs h => [|x xs IH] h //=; rewrite relabel_elman IH. Qed.

(** Likewise of a GRU, with the reset gate before or after the recurrent product.
    Code: refseq/checks/properties/symmetry.py hidden_permutation; refseq/cells/gru.py build
    Scope: every ring, unitwise functions, permutation, numbers of inputs and units, length T *)
Theorem gru_is_equivariant s f r z cand b_hn h (xs : seq 'cV[R]_k) :
  foldl (gru_before s f (relabelled r) (relabelled z) (relabelled cand)) (relabel h) xs
  = relabel (foldl (gru_before s f r z cand) h xs)
  /\ foldl (gru_after s f (relabelled r) (relabelled z) (relabelled cand) (relabel b_hn)) (relabel h) xs
     = relabel (foldl (gru_after s f r z cand b_hn) h xs).
Proof.
split; elim: xs h => [|x xs IH] h //=; rewrite -IH; congr (foldl _ _ _).
  by rewrite /gru_before /update !(relabel_elman, =^~ relabel_entrywise) !relabelE.
by rewrite /gru_after /update !relabel_elman relabel_mul relabel_input !relabelE.
Qed.

(** Likewise of an LSTM, its outputs and its memory.
    Code: refseq/checks/properties/symmetry.py hidden_permutation; refseq/cells/lstm.py lstm_cell
    Scope: every ring, unitwise functions, permutation, numbers of inputs and units, length T *)
Theorem lstm_is_equivariant s f psi (W : gates R k n) h c (xs : seq 'cV[R]_k)
    (both := fun state : 'cV[R]_n * 'cV[R]_n => (relabel state.1, relabel state.2))
    (W' := Gates (relabelled (in_ W)) (relabelled (forget W)) (relabelled (candidate W)) (relabelled (out W))) :
  foldl (lstm s f psi W') (both (h, c)) xs = both (foldl (lstm s f psi W) (h, c) xs).
Proof.
elim: xs h c => [|x xs IH] h c //=; rewrite -IH; congr (foldl _ _ _).
by rewrite /both /= /lstm_step !relabel_elman /= !relabelE.
Qed.

End Permutation.

Section Gradient.

(** Another basis for states, outputs and parameters: M, Q and N with their inverses. A permutation of the units is one,
    and so are changes of signs and scales. *)
Variables (R : ringType) (n m p : nat) (S : steps R n m p).
Variables (M M' : 'M[R]_n) (Q Q' : 'M[R]_m) (N N' : 'M[R]_p).
Hypotheses (MM : M' *m M = 1%:M) (QQ : Q' *m Q = 1%:M).

Definition in_basis : steps R n m p :=
  Steps (fun t => M *m A S t *m M') (fun t => M *m B S t *m N') (fun t => Q *m C S t *m M') (fun t => Q *m D S t *m N').

(** In another basis, cotangents and gradients are the same ones, written in that basis: so a relabelled layer has the
    relabelled gradients.
    Code: refseq/checks/properties/symmetry.py hidden_permutation, unit_signs, feature_scale
    Scope: every ring, invertible changes of basis, sizes n, m, p, length T *)
Theorem gradients_are_equivariant (dy : nat -> 'rV_m) (e : 'rV_n) :
  (forall j t, cotangent in_basis (fun t => dy t *m Q') (e *m M') j t = cotangent S dy e j t *m M')
  /\ forall T t, gradient in_basis (fun t => dy t *m Q') (e *m M') T t = gradient S dy e T t *m N'.
Proof.
have cut a b c d (u : 'M[R]_(a, b)) (F F' : 'M[R]_b) (G : 'M[R]_(b, c)) (H : 'M[R]_(c, d)) :
    F' *m F = 1%:M -> u *m F' *m (F *m G *m H) = u *m G *m H.
  by move=> inverse; rewrite !mulmxA -[u *m F' *m F]mulmxA inverse mulmx1.
have cotangents j t : cotangent in_basis (fun t => dy t *m Q') (e *m M') j t = cotangent S dy e j t *m M'.
  by elim: j t => [|j IH] t //=; rewrite IH !cut // -mulmxDl.
by split=> // T t; rewrite /gradient cotangents /= !cut // -mulmxDl.
Qed.

End Gradient.
