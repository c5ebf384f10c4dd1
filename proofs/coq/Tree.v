(** Recursion over trees: its adjoint, and the chain, which is the recurrence in time. *)
From mathcomp Require Import all_ssreflect all_algebra.
From Refseq Require Import Linear.

Set Implicit Arguments.
Unset Strict Implicit.
Unset Printing Implicit Defensive.

Import GRing.Theory.
Local Open Scope ring_scope.

(** A node with what belongs to it, and its children in their order. *)
Inductive tree (label : Type) := Node of label & forest label
with forest (label : Type) := Nil | Cons of tree label & forest label.

Arguments Nil {label}.

Scheme tree_mutual := Induction for tree Sort Prop
with forest_mutual := Induction for forest Sort Prop.

(** The tree in which every node has one child: the last label is that of the root. *)
Fixpoint chain (label : Type) (bottom : tree label) (labels : seq label) : tree label :=
  if labels is x :: rest then chain (Node x (Cons bottom Nil)) rest else bottom.

Section Forward.

Variables (input state : Type) (node : input -> seq state -> state).

(** The state of a node is made of its input and of its children's states. *)
Fixpoint value (t : tree input) : state := let: Node x ts := t in node x (values ts)
with values (ts : forest input) : seq state := if ts is Cons t rest then value t :: values rest else [::].

(** On a chain a recursive network is the recurrent network with the same step (L4.15). The lowest node sees the initial
    state where its child would be.
    Code: refseq/tree_scan.py build_tree_scan, by_position; refseq/networks/tree.py forward
    Scope: functions of any kind, bit by bit; every length of the chain *)
Theorem chain_is_recurrence s0 x0 xs : node x0 [::] = node x0 [:: s0] ->
  value (chain (Node x0 Nil) xs) = foldl (fun s x => node x [:: s]) s0 (x0 :: xs).
Proof.
move=> empty; rewrite /= -empty; have -> : node x0 [::] = value (Node x0 Nil) by [].
by elim: xs (Node x0 Nil) => [|x xs IH] bottom //=; rewrite IH.
Qed.

End Forward.

Section Backward.

(** The derivatives at the nodes of a tree: of a node's state in that of its child number i, and in the parameters (with
    them, whatever else is moved: inputs, states of leaves); and the cotangent of the node's own output. *)
Variables (R : ringType) (n p : nat).
Record derivatives := Derivatives { in_child : nat -> 'M[R]_n; in_use : 'M[R]_(n, p); asked : 'rV[R]_n }.

Section Tangent.

Variable u : 'cV[R]_p.

(** Forward mode: how the states move, and the loss with them. i is the place of the forest's first tree. *)
Fixpoint moves (t : tree derivatives) : 'cV[R]_n := let: Node d ts := t in in_use d *m u + moves_from d 0%N ts
with moves_from (d : derivatives) (i : nat) (ts : forest derivatives) : 'cV[R]_n :=
  if ts is Cons t rest then in_child d i *m moves t + moves_from d i.+1 rest else 0.

Fixpoint loss (t : tree derivatives) : 'M[R]_1 := let: Node d ts := t in asked d *m moves t + loss_of ts
with loss_of (ts : forest derivatives) : 'M[R]_1 := if ts is Cons t rest then loss t + loss_of rest else 0.

End Tangent.

(** Reverse mode, from the root down: ds is what the node above asks of this one. *)
Fixpoint pulled ds (t : tree derivatives) : 'rV[R]_p :=
  let: Node d ts := t in let total := ds + asked d in total *m in_use d + pulled_from total d 0%N ts
with pulled_from total d (i : nat) (ts : forest derivatives) : 'rV[R]_p :=
  if ts is Cons t rest then pulled (total *m in_child d i) t + pulled_from total d i.+1 rest else 0.

(** On every tree what the backward pass adds up over the nodes is the adjoint of forward mode.
    Code: refseq/tree_scan.py build_tree_scan; refseq/networks/tree.py backward
    Scope: every ring, shape of tree, number of children, state size n, number of parameters *)
Theorem tree_vjp_is_adjoint u ds t : ds *m moves u t + loss u t = pulled ds t *m u.
Proof.
pose adjoint_from ts := forall total d i, total *m moves_from u d i ts + loss_of u ts = pulled_from total d i ts *m u.
move: t ds; apply: (@tree_mutual _ (fun t => forall ds, ds *m moves u t + loss u t = pulled ds t *m u) adjoint_from).
- move=> d ts IH ds /=; by rewrite addrA -mulmxDl mulmxDr -addrA [in RHS]mulmxDl mulmxA -IH.
- by move=> total d i; rewrite /= mulmx0 mul0mx addr0.
move=> t IHt ts IHts total d i /=.
by rewrite mulmxDl -IHt -IHts mulmxDr mulmxA addrACA.
Qed.

(** The steps of a recurrence whose output is its state, as the nodes of a chain above the initial state. *)
Definition node_of (S : steps R n n p) (dy : nat -> 'rV_n) t : derivatives := Derivatives (fun=> A S t) (B S t) (dy t).

Definition bottom : tree derivatives := Node (Derivatives (fun=> 0) 0 0) Nil.

Lemma chain_rcons label (lowest : tree label) xs x : chain lowest (rcons xs x) = Node x (Cons (chain lowest xs) Nil).
Proof. by elim: xs lowest => [|y xs IH] lowest //=. Qed.

(** On a chain it is BPTT through the recurrence: the same gradient of the parameters.
    Code: refseq/tree_scan.py build_tree_scan; refseq/scan.py backward_row, gradient_row
    Scope: every ring, state size n, number of parameters, length T *)
Theorem chain_gradient_is_bptt (S : steps R n n p) dy e T : C S = A S -> D S = B S ->
  pulled e (chain bottom (map (node_of S dy) (iota 0 T))) = \sum_(t < T) gradient S dy e T t.
Proof.
move=> CA DB; elim: T e => [|T IH] e; first by rewrite big_ord0 /= mulmx0 addr0.
have -> : iota 0 T.+1 = rcons (iota 0 T) T by rewrite -addn1 iotaD cats1.
rewrite map_rcons chain_rcons /= IH addr0 big_ord_recr /= addrC; congr (_ + _).
  apply: eq_bigr => t _; rewrite /gradient subSS -(subnSK (ltn_ord t)).
  have := cotangent_in_pieces S dy e 1 (T - t.+1) t.+1; rewrite addn1 subnKC // => -> /=; rewrite CA.
  by rewrite -mulmxDl [dy T + e]addrC.
by rewrite /gradient subnn /= DB mulmxDl addrC.
Qed.

End Backward.
