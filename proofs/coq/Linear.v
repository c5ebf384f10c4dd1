(** The recurrence of the tangents and of the cotangents of a sequence.

    Step number t takes the state s_t and what it uses, u_t (the parameters and the input x_t), to the state s_(t+1) and
    to the output y_t. Its derivatives at the states of a run are matrices, as in a linear system that varies in time:

        ds_(t+1) = A_t ds_t + B_t du_t        dy_t = C_t ds_t + D_t du_t

    Tangents are columns, cotangents are rows, and nothing is assumed of the ring: not even that it is commutative. *)
From mathcomp Require Import all_ssreflect all_algebra.

Set Implicit Arguments.
Unset Strict Implicit.
Unset Printing Implicit Defensive.

Import GRing.Theory.
Local Open Scope ring_scope.

(** A cotangent that agrees with another one on every tangent is the other one. *)
Lemma row_ext (R : ringType) (n : nat) (g h : 'rV[R]_n) : (forall v : 'cV_n, g *m v = h *m v) -> g = h.
Proof.
move=> same; apply/rowP => i; move: (same (delta_mx i 0)).
by rewrite -!colE => /matrixP/(_ 0 0); rewrite !mxE.
Qed.

Section Linear.

Variables (R : ringType) (n m p : nat).

(** The derivatives of the steps: n entries of the state, m of an output, p of what a step uses. *)
Record steps := Steps {
  A : nat -> 'M[R]_n;
  B : nat -> 'M[R]_(n, p);
  C : nat -> 'M[R]_(m, n);
  D : nat -> 'M[R]_(m, p)
}.

Variable S : steps.

Section Forward.

Variables (u : nat -> 'cV[R]_p) (v : 'cV[R]_n).

(** The tangent of the state before step t, and of the output of step t; v is that of the initial state. *)
Fixpoint tangent t : 'cV_n := if t is t'.+1 then A S t' *m tangent t' + B S t' *m u t' else v.

Definition output t : 'cV_m := C S t *m tangent t + D S t *m u t.

End Forward.

Section Backward.

Variables (dy : nat -> 'rV[R]_m) (e : 'rV[R]_n).

(** The cotangent of the state before step t when j steps are left, e being that of the final state. *)
Fixpoint cotangent j t : 'rV_n := if j is j'.+1 then dy t *m C S t + cotangent j' t.+1 *m A S t else e.

(** The gradient of what step t of T steps uses. *)
Definition gradient T t : 'rV_p := dy t *m D S t + cotangent (T - t.+1) t.+1 *m B S t.

Lemma pulled_back u v T k : (k <= T)%N ->
  \sum_(t < k) dy t *m output u v t + cotangent (T - k) k *m tangent u v k
  = cotangent T 0 *m v + \sum_(t < k) gradient T t *m u t.
Proof.
elim: k => [|k IH] below; first by rewrite !big_ord0 add0r addr0 subn0.
rewrite !big_ord_recr /= [RHS]addrA -(IH (ltnW below)) -!addrA; congr (_ + _).
rewrite -(subnSK below) /= /output /gradient !mulmxDr !mulmxDl !mulmxA -!addrA; congr (_ + _).
by rewrite addrCA addrC -!addrA; congr (_ + _); rewrite addrC.
Qed.

(** What BPTT computes is the adjoint of forward mode, for whole sequences, with cotangents at every step and at the
    final state: both sides are the derivative of the loss along a direction (u, v).
    Code: refseq/scan.py backward_row, gradient_row; refseq/gradients/forward_mode.py jvp
    Scope: every ring, sizes n, m, p, length T *)
Theorem vjp_is_adjoint_of_jvp u v T :
  \sum_(t < T) dy t *m output u v t + e *m tangent u v T
  = cotangent T 0 *m v + \sum_(t < T) gradient T t *m u t.
Proof. by have := pulled_back u v (leqnn T); rewrite subnn. Qed.

(** Nothing else is: rows that agree with forward mode on every direction are the gradients of BPTT. So a test of a VJP
    against JVPs along all directions misses no error, and two right algorithms give the same gradient.
    Code: refseq/checks/directional.py _adjoint; refseq/gradients/double_sum.py double_sum_gradients
    Scope: every ring, sizes n, m, p, length T *)
Theorem vjp_is_unique T (g0 : 'rV[R]_n) (g : nat -> 'rV[R]_p) :
  (forall u v, \sum_(t < T) dy t *m output u v t + e *m tangent u v T = g0 *m v + \sum_(t < T) g t *m u t) ->
  g0 = cotangent T 0 /\ forall t, (t < T)%N -> g t = gradient T t.
Proof.
move=> right; split=> [|t below]; apply: row_ext => w.
  move: (right (fun=> 0) w); rewrite vjp_is_adjoint_of_jvp.
  by rewrite !big1 ?addr0 // => i _; rewrite mulmx0.
have one (h : nat -> 'rV_p) : \sum_(k < T) h k *m (if k == t :> nat then w else 0) = h t *m w.
  rewrite (bigD1 (Ordinal below)) //= eqxx big1 ?addr0 // => k.
  by rewrite -val_eqE /= => /negPf ->; rewrite mulmx0.
move: (right (fun k => if k == t then w else 0) 0); rewrite vjp_is_adjoint_of_jvp.
by rewrite !mulmx0 !add0r !one.
Qed.

End Backward.

(** The cotangents of a run may be computed piece by piece: what the later piece asks of its first state takes the place
    of the cotangent of the final state.
    Code: refseq/scan.py backward_row; refseq/targets/base.py ScanTarget.backward
    Scope: every ring, sizes n, m, p, lengths i and j of the pieces *)
Theorem cotangent_in_pieces dy e i j t :
  cotangent dy e (j + i) t = cotangent dy (cotangent dy e i (t + j)) j t.
Proof. by elim: j t => [|j IH] t; rewrite ?addn0 //= IH addSnnS. Qed.

End Linear.
