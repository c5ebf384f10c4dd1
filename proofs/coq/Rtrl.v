(** Real-time recurrent learning: gradients forward in time. *)
From mathcomp Require Import all_ssreflect all_algebra.
From Refseq Require Import Linear.

Set Implicit Arguments.
Unset Strict Implicit.
Unset Printing Implicit Defensive.

Import GRing.Theory.
Local Open Scope ring_scope.

Section Rtrl.

Variables (R : ringType) (n m p : nat) (S : steps R n m p).

(** How the parameters have moved the state before step t, and how the initial state has. *)
Fixpoint influence t : 'M[R]_(n, p) := if t is t'.+1 then A S t' *m influence t' + B S t' else 0.

Fixpoint influence_of_start t : 'M[R]_n := if t is t'.+1 then A S t' *m influence_of_start t' else 1%:M.

(** What step t answers for the cotangents of its output and of the state after it: the step's own gradient, and what
    it asks of the state before it, through the influence. *)
Definition answer (dy : 'rV_m) (f : 'rV_n) t : 'rV_p :=
  dy *m D S t + f *m B S t + (dy *m C S t + f *m A S t) *m influence t.

Definition answer_of_start (dy : 'rV_m) (f : 'rV_n) t : 'rV_n := (dy *m C S t + f *m A S t) *m influence_of_start t.

Lemma tangent_influence (theta : 'cV_p) v t :
  tangent S (fun=> theta) v t = influence t *m theta + influence_of_start t *m v.
Proof.
elim: t => [|t IH] /=; first by rewrite mul0mx mul1mx add0r.
by rewrite IH mulmxDl mulmxDr !mulmxA addrAC.
Qed.

(** The answers of all steps add up to the gradient of BPTT, of the parameters and of the initial state. Only the last
    step is asked about the state after it.
    Code: refseq/gradients/rtrl.py rtrl_gradients, Rtrl.step, Rtrl.gradients
    Scope: every ring, sizes n, m, p, length T > 0 *)
Theorem rtrl_is_bptt (dy : nat -> 'rV_m) (e : 'rV_n) T (last := fun t : nat => if t == T then e else 0) :
  \sum_(t < T.+1) answer (dy t) (last t) t = \sum_(t < T.+1) gradient S dy e T.+1 t
  /\ \sum_(t < T.+1) answer_of_start (dy t) (last t) t = cotangent S dy e T.+1 0.
Proof.
have total (g : nat -> 'rV_n -> 'M[R]_1) : (forall t, g t 0 = 0) ->
    \sum_(t < T.+1) g t (last t) = g T e.
  move=> none; rewrite big_ord_recr /= /last eqxx big1 ?add0r // => t _.
  by rewrite ltn_eqF.
have loss (theta : 'cV_p) (v : 'cV_n) :
    \sum_(t < T.+1) (answer (dy t) (last t) t *m theta + answer_of_start (dy t) (last t) t *m v)
    = cotangent S dy e T.+1 0 *m v + (\sum_(t < T.+1) gradient S dy e T.+1 t) *m theta.
  rewrite mulmx_suml -(vjp_is_adjoint_of_jvp S dy e (fun=> theta) v T.+1).
  rewrite -(total (fun t f => f *m tangent S (fun=> theta) v t.+1)) => [|t]; last by rewrite mul0mx.
  rewrite -big_split; apply: eq_bigr => t _ /=.
  rewrite /answer /answer_of_start /output tangent_influence.
  set state := influence t *m theta + _.
  rewrite 2!mulmxDl -addrA -![_ *m influence t *m _]mulmxA -![_ *m influence_of_start t *m _]mulmxA -mulmxDr -/state.
  by rewrite mulmxDl addrACA !mulmxDr !mulmxA; congr (_ + _); rewrite addrC.
split; apply: row_ext => w.
  have := loss w 0.
  by rewrite mulmx0 add0r => <-; rewrite mulmx_suml; apply: eq_bigr => t _; rewrite mulmx0 addr0.
have := loss 0 w.
by rewrite mulmx0 addr0 => <-; rewrite mulmx_suml; apply: eq_bigr => t _; rewrite mulmx0 add0r.
Qed.

End Rtrl.
